// SPDX-License-Identifier: Apache-2.0
// JSON as the outside must speak it. Reading is strict: RFC 8259 plus what RFC 7493 (I-JSON) forbids and
// common parsers let through: duplicate member names, NUL in strings, numbers that overflow to infinity, lone
// surrogates.
#pragma once

#include <boost/json/value.hpp>

#include <string>
#include <string_view>

#include "base/error.hpp"

namespace bulkhead {

namespace json = boost::json;

/// Bounds of one document; what is over them is malformed.
struct json_limits {
    std::size_t depth = 32;
    std::size_t members = 1000;  // of one object
};

/// A whole document, nothing after it but white space. errc::malformed_request otherwise; the detail says
/// what and, where known, at which byte.
result<json::value> parse_json(std::string_view text, json_limits limits = {});

/// Appends `text` (UTF-8) as a quoted JSON string. Control characters are escaped; all else is copied.
void append_json_string(std::string& out, std::string_view text);

}  // namespace bulkhead
