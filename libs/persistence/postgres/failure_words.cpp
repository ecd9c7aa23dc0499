// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/failure_words.hpp"

#include <libpq-fe.h>

#include "base/text.hpp"

namespace bulkhead::postgres {
namespace {

std::string field(const pg_result* answer, int code) {
    const char* text = PQresultErrorField(answer, code);
    return text ? text : "";
}

/// From the first quote to the last: what is quoted may hold quotes.
void mask_quoted(std::string& text) {
    const auto first = text.find('"'), last = text.rfind('"');
    if (last != first) text.replace(first + 1, last - first - 1, "***");
}

}  // namespace

failure_words words_of(const pg_result* answer) {
    auto said =
        without_data(field(answer, PG_DIAG_SQLSTATE), {.message = field(answer, PG_DIAG_MESSAGE_PRIMARY),
                                                       .detail = field(answer, PG_DIAG_MESSAGE_DETAIL),
                                                       .hint = field(answer, PG_DIAG_MESSAGE_HINT)});
    // libpq's own failures have no fields, and no data.
    if (said.message.empty()) said.message = trim(PQresultErrorMessage(answer));
    return said;
}

failure_words without_data(std::string_view sqlstate, failure_words said) {
    const auto of_class = sqlstate.substr(0, 2);
    if (of_class == "22") mask_quoted(said.message);
    if (of_class == "22" || of_class == "23" || of_class == "44") said.detail.clear();
    return said;
}

std::string without_data(std::string_view messages) {
    std::string out;
    for (const auto line : split(messages, '\n')) {
        if (line.starts_with("DETAIL:") || line.starts_with("CONTEXT:")) continue;
        if (!out.empty()) out += '\n';
        out += line;
    }
    return out;
}

}  // namespace bulkhead::postgres
