// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/statement_summary.hpp"

#include <algorithm>
#include <cctype>

namespace bulkhead::postgres {
namespace {

bool of_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.'; }

/// Words outside of parentheses and quotes, one by one.
class outer_words {
public:
    explicit outer_words(std::string_view text) : rest_(text) {}

    /// Empty at the end.
    std::string_view next() {
        while (!rest_.empty()) {
            const char c = rest_.front();
            if (c == '\'')
                skip_literal();
            else if (depth_ == 0 && of_word(c))
                return take_word();
            else {
                if (c == '(') ++depth_;
                if (c == ')' && depth_ > 0) --depth_;
                rest_.remove_prefix(1);
            }
        }
        return {};
    }

private:
    void skip_literal() {
        const auto end = rest_.find('\'', 1);
        rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
    }
    std::string_view take_word() {
        const auto* end = std::ranges::find_if_not(rest_, of_word);
        const auto word = rest_.substr(0, static_cast<std::size_t>(end - rest_.begin()));
        rest_.remove_prefix(word.size());
        return word;
    }

    std::string_view rest_;
    unsigned depth_ = 0;
};

std::string upper(std::string_view word) {
    std::string out(word);
    std::ranges::transform(out, out.begin(),
                           [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return out;
}

bool is_usual(std::string_view word) {
    return word == "SELECT" || word == "INSERT" || word == "UPDATE" || word == "DELETE";
}

}  // namespace

std::string statement_summary::text() const { return table.empty() ? operation : operation + ' ' + table; }

statement_summary summarise(std::string_view sql) {
    statement_summary out;
    outer_words words(sql);
    out.operation = upper(words.next());
    if (out.operation == "WITH")
        for (auto word = words.next(); !word.empty(); word = words.next())
            if (is_usual(upper(word))) {
                out.operation = upper(word);
                break;
            }
    if (!is_usual(out.operation)) return out;
    if (out.operation == "UPDATE") {
        out.table = words.next();
        return out;
    }
    const std::string_view before = out.operation == "INSERT" ? "INTO" : "FROM";
    for (auto word = words.next(); !word.empty(); word = words.next())
        if (upper(word) == before) {
            out.table = words.next();
            break;
        }
    return out;
}

}  // namespace bulkhead::postgres
