// SPDX-License-Identifier: Apache-2.0
#include "mail/message.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "mail/header_text.hpp"
#include "schema/email.hpp"

namespace bulkhead::mail {
namespace {

constexpr std::size_t longest_id = 100;
constexpr std::size_t longest_link = 900;  // a header line has 998 bytes at most, and a link cannot be folded

std::unexpected<error> bad(std::string_view what, std::string_view why) {
    return fail(errc::validation_failed, fmt::format("the mail's {} {}", what, why));
}

bool is_visible_ascii(std::string_view text) {
    return std::ranges::all_of(text, [](char c) { return c > ' ' && c <= '~'; });
}

result<> check_mailbox(std::string_view what, const mailbox& who) {
    if (!std::ranges::all_of(who.address, [](char c) { return static_cast<unsigned char>(c) < 0x80; }))
        return bad(what, "has an address outside ASCII (SMTPUTF8), which is not supported");
    if (!schema::email::parse(who.address)) return bad(what, "has an address that is none");
    if (!is_one_line(who.name)) return bad(what, "has a name with control characters or malformed UTF-8");
    if (who.name.size() > longest_name) return bad(what, "has a name that is too long");
    return {};
}

result<> check_body(std::string_view what, std::string_view body) {
    if (body.empty()) return bad(what, "is empty");
    if (body.size() > longest_body) return bad(what, "is too long");
    if (!is_utf8(body) || body.find('\0') != std::string_view::npos) return bad(what, "is not UTF-8 text");
    return {};
}

/// What may stand left of the @ of a Message-ID without quotes.
bool is_id(std::string_view text) {
    return !text.empty() && text.size() <= longest_id && std::ranges::all_of(text, [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
               c == '_';
    });
}

result<> check_unsubscribe(std::string_view link) {
    if (link.empty()) return {};
    const bool web = link.starts_with("https://") || link.starts_with("http://");
    if (!web || link.size() > longest_link || !is_visible_ascii(link) ||
        link.find_first_of("<>,") != std::string_view::npos)
        return bad("unsubscribe link", "is no link that a header can carry");
    return {};
}

}  // namespace

result<> check(const message& mail) {
    if (auto ok = check_mailbox("sender", mail.from); !ok) return ok;
    if (auto ok = check_mailbox("recipient", mail.to); !ok) return ok;
    if (!mail.reply_to.address.empty())
        if (auto ok = check_mailbox("Reply-To", mail.reply_to); !ok) return ok;
    if (!is_one_line(mail.subject)) return bad("subject", "has control characters or malformed UTF-8");
    if (mail.subject.empty() || mail.subject.size() > longest_subject)
        return bad("subject", "is empty or too long");
    if (auto ok = check_body("text", mail.text); !ok) return ok;
    if (auto ok = check_body("HTML", mail.html); !ok) return ok;
    if (!is_id(mail.id)) return bad("id", "is not made of letters, digits, - and _");
    return check_unsubscribe(mail.unsubscribe);
}

std::vector<std::string> header_lines(const message& mail) {
    std::vector<std::string> out{
        address_header("From", mail.from.name, mail.from.address),
        address_header("To", mail.to.name, mail.to.address),
        text_header("Subject", mail.subject),
        "Date: " + header_date(mail.date),
        "Message-ID: " + message_id(mail),
        "Auto-Submitted: auto-generated",
    };
    if (!mail.reply_to.address.empty())
        out.push_back(address_header("Reply-To", mail.reply_to.name, mail.reply_to.address));
    if (!mail.unsubscribe.empty()) out.push_back("List-Unsubscribe: <" + mail.unsubscribe + ">");
    return out;
}

std::string message_id(const message& mail) {
    return fmt::format("<{}@{}>", mail.id, domain_of(mail.from.address));
}

std::string_view domain_of(std::string_view address) { return address.substr(address.rfind('@') + 1); }

}  // namespace bulkhead::mail
