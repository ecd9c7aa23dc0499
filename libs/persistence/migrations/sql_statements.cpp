// SPDX-License-Identifier: Apache-2.0
#include "persistence/migrations/sql_statements.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

namespace bulkhead::migrations {
namespace {

constexpr std::array transaction_words{"BEGIN",    "START", "COMMIT",    "END",
                                       "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"};

constexpr bool is_letter(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
           static_cast<unsigned char>(c) >= 0x80;
}
constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::string upper(std::string_view word) {
    std::string out(word);
    for (auto& c : out)
        if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    return out;
}

class splitter {
public:
    explicit splitter(std::string_view text) : text_(text) {}

    sql_script run() {
        while (at_ < text_.size() && script_.problem.empty()) step();
        if (depth_ > 0) problem("a parenthesis or BEGIN ATOMIC is not closed");
        finish();
        return std::move(script_);
    }

private:
    [[nodiscard]] char peek(std::size_t ahead = 0) const {
        return at_ + ahead < text_.size() ? text_[at_ + ahead] : '\0';
    }
    [[nodiscard]] std::size_t line_of(std::size_t offset) const {
        return 1 + static_cast<std::size_t>(std::ranges::count(text_.substr(0, offset), '\n'));
    }

    void problem(std::string_view what) {
        if (script_.problem.empty())
            script_.problem = fmt::format("line {}: {}", line_of(std::min(at_, text_.size())), what);
    }

    void step() {
        const char c = peek();
        if (is_space(c))
            ++at_;
        else if (c == '-' && peek(1) == '-')
            at_ = std::min(text_.find('\n', at_), text_.size());
        else if (c == '/' && peek(1) == '*')
            skip_comment();
        else if (c == ';')
            end_of_statement();
        else
            token(c);
    }

    void token(char c) {
        if (!started_) started_ = true, begin_ = at_;
        if (c == '\'')
            skip_quoted('\'', false);
        else if (c == '"')
            skip_quoted('"', false);
        else if (c == '$' && skip_dollar_quote())
            return;
        else if (is_letter(c))
            word();
        else if (is_digit(c))
            number();
        else if (c == '\\')
            problem("psql's backslash commands are not SQL");
        else if (c == '\0')
            problem("a NUL byte");
        else {
            if (c == '(') ++depth_;
            if (c == ')' && depth_ > 0) --depth_;
            ++at_;
        }
    }

    void skip_comment() {
        std::size_t nesting = 0;
        do {
            if (at_ + 1 >= text_.size()) return at_ = text_.size(), problem("a comment is not closed");
            const auto two = text_.substr(at_, 2);
            nesting += two == "/*" ? 1 : 0;
            nesting -= two == "*/" ? 1 : 0;
            at_ += two == "/*" || two == "*/" ? 2 : 1;
        } while (nesting > 0);
    }

    void skip_quoted(char mark, bool backslash_escapes) {
        for (++at_; at_ < text_.size(); ++at_) {
            if (backslash_escapes && peek() == '\\')
                ++at_;
            else if (peek() == mark && peek(1) == mark)
                ++at_;
            else if (peek() == mark)
                return void(++at_);
        }
        problem("a quote is not closed");
    }

    bool skip_dollar_quote() {
        auto end = at_ + 1;
        if (end < text_.size() && is_digit(text_[end])) return false;  // a parameter: $1
        while (end < text_.size() && (is_letter(text_[end]) || is_digit(text_[end]))) ++end;
        if (end >= text_.size() || text_[end] != '$') return false;
        const auto tag = text_.substr(at_, end + 1 - at_);
        const auto close = text_.find(tag, end + 1);
        at_ = close == text_.npos ? text_.size() : close + tag.size();
        if (close == text_.npos) problem("a dollar quote is not closed");
        return true;
    }

    void number() {  // 1e5 is no word
        while (is_digit(peek()) || is_letter(peek()) || peek() == '.') ++at_;
    }

    void word() {
        const auto from = at_;
        while (is_letter(peek()) || is_digit(peek()) || peek() == '$') ++at_;
        const auto name = upper(text_.substr(from, at_ - from));
        if (peek() == '\'' && name == "E") return skip_quoted('\'', true);
        if (words_.size() < 3) words_.push_back(name);
        // In the body of a SQL-standard function, CASE and BEGIN ATOMIC both close with END.
        if (name == "ATOMIC" && previous_ == "BEGIN")
            ++depth_, in_body_ = true;
        else if (in_body_ && name == "CASE")
            ++depth_;
        else if (in_body_ && name == "END" && depth_ > 0)
            in_body_ = --depth_ > 0;
        saw_stdin_ = saw_stdin_ || (name == "STDIN" && previous_ == "FROM");
        previous_ = name;
    }

    void end_of_statement() {
        if (depth_ == 0) finish();
        ++at_;
    }

    void finish() {
        if (started_ && script_.problem.empty()) {
            check_allowed();
            auto text = text_.substr(begin_, at_ - begin_);
            while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
            script_.statements.push_back({text, line_of(begin_), fmt::format("{}", fmt::join(words_, " "))});
        }
        started_ = false, in_body_ = false, saw_stdin_ = false;
        words_.clear(), previous_.clear();
    }

    void check_allowed() {
        const std::string first = words_.empty() ? "" : words_.front();
        const bool control = std::ranges::find(transaction_words, first) != transaction_words.end() ||
                             (first == "PREPARE" && words_.size() > 1 && words_[1] == "TRANSACTION");
        if (control) problem(fmt::format("{}: a migration must not control its transaction", first));
        if (first == "COPY" && saw_stdin_) problem("COPY FROM STDIN has no input here");
    }

    std::string_view text_;
    std::size_t at_ = 0;
    std::size_t begin_ = 0;
    std::size_t depth_ = 0;  // open parentheses (rules hold several statements in one), bodies and CASEs
    bool started_ = false;
    bool in_body_ = false;
    bool saw_stdin_ = false;
    std::string previous_;
    std::vector<std::string> words_;
    sql_script script_;
};

}  // namespace

sql_script split_sql(std::string_view text) { return splitter(text).run(); }

}  // namespace bulkhead::migrations
