// SPDX-License-Identifier: Apache-2.0
#include "http/problem.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "base/json.hpp"

namespace bulkhead::http {
namespace {

void append_fields(std::string& out, const std::vector<field_error>& fields) {
    out += R"(,"errors":[)";
    for (bool first = true; const auto& field : fields) {
        if (!std::exchange(first, false)) out += ',';
        out += R"({"pointer":)";
        append_json_string(out, field.pointer);
        out += R"(,"code":)";
        append_json_string(out, field.code);
        out += R"(,"detail":)";
        append_json_string(out, field.detail);
        out += '}';
    }
    out += ']';
}

std::string body_of(const error& failure, const error_description& row, std::string_view request_id) {
    std::string out = fmt::format(R"({{"type":"/problems/{}","title":)", row.name);
    append_json_string(out, row.title);
    out += fmt::format(R"(,"status":{},"detail":)", row.status);
    append_json_string(out, failure.detail.empty() ? row.title : std::string_view(failure.detail));
    out += R"(,"request_id":)";
    append_json_string(out, request_id);
    if (!failure.fields.empty()) append_fields(out, failure.fields);
    out += '}';
    return out;
}

}  // namespace

response problem_response(const error& failure, std::string_view request_id) {
    const auto& row = describe(failure.code);
    response answer{.code = static_cast<status>(row.status), .content_type = problem_content_type};
    answer.body = body_of(failure, row, request_id);
    answer.failure = failure.code;
    if (row.status == 401) answer.header("WWW-Authenticate", R"(Bearer realm="bulkhead")");
    if (row.status == 503 || failure.retry_after.count() > 0)
        answer.header("Retry-After", std::to_string(std::max<std::int64_t>(1, failure.retry_after.count())));
    return answer;
}

}  // namespace bulkhead::http
