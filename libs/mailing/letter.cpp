// SPDX-License-Identifier: Apache-2.0
#include "mailing/letter.hpp"

#include <algorithm>

namespace bulkhead::mailing {
namespace {

constexpr std::size_t longest_path = 200;

bool may_stand_in_path(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           std::string_view("-._~/").find(c) != std::string_view::npos;
}

}  // namespace

std::optional<page_path> page_path::parse(std::string_view text) {
    // Two slashes could be read as the name of a host, and dots lead elsewhere.
    const bool leads_astray =
        text.find("//") != std::string_view::npos || text.find("/.") != std::string_view::npos;
    if (!text.starts_with('/') || text.size() > longest_path || leads_astray ||
        !std::ranges::all_of(text, may_stand_in_path))
        return std::nullopt;
    page_path out;
    out.value_ = text;
    return out;
}

json::object page_path::describe() { return {{"type", "string"}, {"maxLength", longest_path}}; }

std::optional<utc_time> valid_until(const letter& what, utc_time asked) {
    const auto& mail = what.mail;
    const auto after = [asked](const mailing::valid_minutes& time) {
        return asked + std::chrono::minutes(time.value());
    };
    if (mail.verification) return after(mail.verification->valid_minutes);
    if (mail.reset) return after(mail.reset->valid_minutes);
    if (mail.invitation) return after(mail.invitation->valid_minutes);
    return std::nullopt;
}

}  // namespace bulkhead::mailing

namespace bulkhead::schema {

using letter_members = member_list<mailing::letter_mail, members_of<mailing::letter_mail>>;

bool binding<mailing::letter_mail>::read(const json::value& in, const place& at, mailing::letter_mail& out) {
    const auto* const object = expect_object(in, at);
    if (object == nullptr || !letter_members::read(*object, at, out)) return false;
    const auto count = out.verification.has_value() + out.reset.has_value() + out.invitation.has_value() +
                       out.alert.has_value();
    return count == 1 ||
           at.refuse("exactly_one", "must have one of verification, reset, invitation and alert");
}

void binding<mailing::letter_mail>::write(std::string& out, const mailing::letter_mail& value) {
    letter_members::write(out, value);
}

}  // namespace bulkhead::schema
