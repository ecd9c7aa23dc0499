// SPDX-License-Identifier: Apache-2.0
#include "base/json.hpp"

#include <fmt/format.h>
#include <boost/json/basic_parser_impl.hpp>
#include <boost/json/value_stack.hpp>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

namespace bulkhead {
namespace {

constexpr std::size_t max_quoted = 100;  // bytes of a client's text that a message repeats

constexpr auto needs_escape = [] {
    std::array<bool, 256> table{};
    std::fill_n(table.begin(), 0x20, true);
    table['"'] = table['\\'] = true;
    return table;
}();

/// Builds a value from parser events, refusing what I-JSON forbids. The reason stays in `refusal`.
class strict_handler {
public:
    static constexpr std::size_t max_object_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_array_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_key_size = static_cast<std::size_t>(-1);
    static constexpr std::size_t max_string_size = static_cast<std::size_t>(-1);
    using error_code = boost::system::error_code;

    explicit strict_handler(std::size_t member_limit) : members_(member_limit) {}

    bool on_document_begin(error_code&) {
        stack_.reset();
        return true;
    }
    bool on_document_end(error_code&) { return true; }
    bool on_object_begin(error_code&) { return true; }
    bool on_object_end(std::size_t count, error_code& ec) {
        if (count > members_) return refuse(ec, fmt::format("an object has more than {} members", members_));
        const auto first = keys_.end() - static_cast<std::ptrdiff_t>(count);
        std::sort(first, keys_.end());
        if (const auto twice = std::adjacent_find(first, keys_.end()); twice != keys_.end())
            return refuse(ec, twice->size() > max_quoted
                                  ? std::string("a member appears twice")
                                  : fmt::format("member \"{}\" appears twice", *twice));
        keys_.erase(first, keys_.end());
        stack_.push_object(count);
        return true;
    }
    bool on_array_begin(error_code&) { return true; }
    bool on_array_end(std::size_t count, error_code&) {
        stack_.push_array(count);
        return true;
    }
    bool on_key_part(json::string_view part, std::size_t, error_code& ec) {
        key_.append(part.data(), part.size());
        stack_.push_chars(part);
        return check_text(part, ec);
    }
    bool on_key(json::string_view part, std::size_t, error_code& ec) {
        key_.append(part.data(), part.size());
        keys_.push_back(std::move(key_));
        key_.clear();
        stack_.push_key(part);
        return check_text(part, ec);
    }
    bool on_string_part(json::string_view part, std::size_t, error_code& ec) {
        stack_.push_chars(part);
        return check_text(part, ec);
    }
    bool on_string(json::string_view part, std::size_t, error_code& ec) {
        stack_.push_string(part);
        return check_text(part, ec);
    }
    bool on_number_part(json::string_view, error_code&) { return true; }
    bool on_int64(std::int64_t value, json::string_view, error_code&) {
        stack_.push_int64(value);
        return true;
    }
    bool on_uint64(std::uint64_t value, json::string_view, error_code&) {
        stack_.push_uint64(value);
        return true;
    }
    bool on_double(double value, json::string_view, error_code& ec) {
        if (!std::isfinite(value)) return refuse(ec, "a number is too large");
        stack_.push_double(value);
        return true;
    }
    bool on_bool(bool value, error_code&) {
        stack_.push_bool(value);
        return true;
    }
    bool on_null(error_code&) {
        stack_.push_null();
        return true;
    }
    bool on_comment_part(json::string_view, error_code&) { return true; }
    bool on_comment(json::string_view, error_code&) { return true; }

    json::value release() { return stack_.release(); }
    [[nodiscard]] const std::string& refusal() const { return refusal_; }

private:
    bool check_text(json::string_view part, error_code& ec) {
        return std::find(part.begin(), part.end(), '\0') == part.end() || refuse(ec, "a string contains NUL");
    }
    bool refuse(error_code& ec, std::string why) {
        refusal_ = std::move(why);
        ec = json::error::syntax;
        return false;
    }

    std::size_t members_;
    json::value_stack stack_;
    std::vector<std::string> keys_;  // of all open objects, outermost first
    std::string key_;
    std::string refusal_;
};

}  // namespace

result<json::value> parse_json(std::string_view text, json_limits limits) {
    json::parse_options options;
    options.max_depth = limits.depth;
    json::basic_parser<strict_handler> parser(options, limits.members);
    boost::system::error_code ec;
    const auto used = parser.write_some(false, text.data(), text.size(), ec);
    if (!ec && used < text.size()) ec = json::error::extra_data;
    if (!ec && !parser.done()) ec = json::error::incomplete;
    if (!ec) return parser.handler().release();
    if (!parser.handler().refusal().empty())
        return fail(errc::malformed_request, fmt::format("JSON: {}", parser.handler().refusal()));
    return fail(errc::malformed_request, fmt::format("JSON: {} at byte {}", ec.message(), used));
}

void append_json_string(std::string& out, std::string_view text) {
    constexpr std::string_view digits = "0123456789abcdef";
    out += '"';
    std::size_t copied = 0;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const auto c = static_cast<unsigned char>(text[i]);
        if (!needs_escape[c]) continue;
        out.append(text, copied, i - copied);
        copied = i + 1;
        switch (c) {
            case '"': out += "\\\""; break;
            case '\\': out += "\\\\"; break;
            case '\n': out += "\\n"; break;
            case '\r': out += "\\r"; break;
            case '\t': out += "\\t"; break;
            default:
                out += "\\u00";
                out += digits[c >> 4];
                out += digits[c & 15];
        }
    }
    out.append(text, copied, text.size() - copied);
    out += '"';
}

}  // namespace bulkhead
