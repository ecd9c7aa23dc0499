// SPDX-License-Identifier: Apache-2.0
#include "mailing/letterhead.hpp"

#include <fmt/chrono.h>

#include "mail/template_text.hpp"

namespace bulkhead::mailing {
namespace {

std::chrono::minutes length_of(const valid_minutes& time) { return std::chrono::minutes(time.value()); }

std::string spoken_time(utc_time time) {
    return fmt::format("{:%Y-%m-%d %H:%M} UTC", std::chrono::floor<std::chrono::seconds>(time));
}

}  // namespace

letterhead::letterhead(mail::brand whose) : home_(whose.home), templates_(std::move(whose)) {}

mail::message letterhead::write(const letter& what, const tenancy::tenant& of) const {
    auto text = words(what, of);
    mail::message out;
    out.to.address = what.to.str();
    // Whose name no header takes is addressed without one.
    if (auto name = mail::on_one_line(what.name->str()); name.size() <= mail::longest_name)
        out.to.name = std::move(name);
    out.subject = std::move(text.subject);
    out.text = std::move(text.text);
    out.html = std::move(text.html);
    out.unsubscribe = std::move(text.unsubscribe);
    return out;
}

mail::content letterhead::words(const letter& what, const tenancy::tenant& of) const {
    const auto& [verification, reset, invitation, alert] = what.mail;
    const auto& name = what.name->str();
    if (verification)
        return templates_.render(
            mail::verification{.name = name,
                               .confirm = once(verification_page, of, verification->token),
                               .valid = length_of(verification->valid_minutes)});
    if (reset)
        return templates_.render(mail::password_reset{.name = name,
                                                      .choose = once(reset_page, of, reset->token),
                                                      .valid = length_of(reset->valid_minutes)});
    if (invitation)
        return templates_.render(mail::invitation{.inviter = invitation->inviter.str(),
                                                  .tenant = of.name,
                                                  .role = invitation->role.str(),
                                                  .accept = once(invitation_page, of, invitation->token),
                                                  .valid = length_of(invitation->valid_minutes)});
    return templates_.render(mail::alert{.name = name,
                                         .title = alert.value().title.str(),
                                         .detail = alert->detail.str(),
                                         .when = spoken_time(alert->at),
                                         .more = home_.at(alert->page.str(), {{"tenant", of.slug}}),
                                         .settings = home_.at(notifications_page, {{"tenant", of.slug}})});
}

mail::web_link letterhead::once(std::string_view page, const tenancy::tenant& of,
                                const token_text& token) const {
    return home_.at(page, {{"tenant", of.slug}, {"token", token.str()}});
}

}  // namespace bulkhead::mailing
