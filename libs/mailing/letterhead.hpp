// SPDX-License-Identifier: Apache-2.0
// Makes a mail of a letter: the words of its template, and the pages of the product that its links lead to.
// One for a program; immutable once made, safe from any thread.
#pragma once

#include "mail/message.hpp"
#include "mail/templates.hpp"
#include "mailing/letter.hpp"
#include "tenancy/tenant.hpp"

namespace bulkhead::mailing {

/// Links carry the tenant's slug as `tenant` and what is secret as `token`: whoever follows one may not be
/// signed in.
inline constexpr std::string_view verification_page = "/verify-email";
inline constexpr std::string_view reset_page = "/reset-password";
inline constexpr std::string_view invitation_page = "/accept-invitation";
inline constexpr std::string_view notifications_page = "/settings/notifications";

class letterhead {
public:
    /// Throws std::logic_error when a template is broken, see mail::templates.
    explicit letterhead(mail::brand whose);

    /// All but who sends it, its id and its date.
    [[nodiscard]] mail::message write(const letter& what, const tenancy::tenant& of) const;

private:
    [[nodiscard]] mail::content words(const letter& what, const tenancy::tenant& of) const;
    [[nodiscard]] mail::web_link once(std::string_view page, const tenancy::tenant& of,
                                      const token_text& token) const;

    mail::link_base home_;
    mail::templates templates_;
};

}  // namespace bulkhead::mailing
