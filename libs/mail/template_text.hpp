// SPDX-License-Identifier: Apache-2.0
// Texts with places to fill: "{{name}}" is replaced by a value, escaped for where it stands. Nothing else is
// special, there is no logic. Pure functions, safe from any thread.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace bulkhead::mail {

/// What the filled text is, and so what would be taken for more than text in a value.
enum class markup {
    text,   // line ends: a value stays on its line
    html,   // those, and & < > " '
    ready,  // nothing: the value has been filled in itself
};

struct place {
    std::string_view name;
    std::string value;
};

/// `value` as it stands in such a text.
std::string escape(std::string_view value, markup kind);

/// Throws std::logic_error for a place without a value and for one that does not end: a bug in a template,
/// which `templates` looks for at start.
std::string fill(std::string_view pattern, std::span<const place> values, markup kind);

/// `text` on one line: control characters and line ends become blanks, blanks in a row become one, and those
/// at the ends go. What is not UTF-8 becomes "".
std::string on_one_line(std::string_view text);

/// `text` with *** in place of what looks like an address of somebody: for the log, and for words of mail
/// servers, which like to repeat whom they refuse.
std::string without_addresses(std::string_view text);

/// What somebody calls themselves, for the text of a mail to others: `otherwise` when it is empty, long, or
/// could be taken for an address or a link, with which strangers would send mails of theirs through us.
std::string plain_name(std::string_view name, std::string_view otherwise);

}  // namespace bulkhead::mail
