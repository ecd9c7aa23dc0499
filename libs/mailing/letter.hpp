// SPDX-License-Identifier: Apache-2.0
// What a job that sends a mail is told: to whom, which template, and what goes into it. This is the payload
// of the kind "mail.send" as JSON:
//     {"to":"ada@example.org","name":"Ada","mail":{"reset":{"token":"…","valid_minutes":60}}}
// Words only: addresses of pages are made where the mail is written (letterhead.hpp). Plain values.
#pragma once

#include <boost/describe.hpp>
#include <chrono>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "schema/schema.hpp"

namespace bulkhead::mailing {

/// A page of the product: a path of letters, digits, "-._~" and slashes, like /exports/1.
class page_path {
public:
    static constexpr std::string_view rule =
        "must be a path of at most 200 letters, digits, -._~ and slashes, like /exports/1";

    [[nodiscard]] static std::optional<page_path> parse(std::string_view text);
    [[nodiscard]] static json::object describe();
    [[nodiscard]] const std::string& str() const noexcept { return value_; }

private:
    friend struct schema::access;
    page_path() = default;

    std::string value_;
};

using token_text = schema::text<1, 512>;           // for whoever reads the mail: the link carries it
using valid_minutes = schema::integer<1, 43'200>;  // from the making of the job; then it is not sent any more

/// "verification" and "reset": a link that works once.
struct link_letter {
    token_text token;
    mailing::valid_minutes valid_minutes;
};
BOOST_DESCRIBE_STRUCT(link_letter, (), (token, valid_minutes))

/// "invitation" to the tenant whose job it is.
struct invitation_letter {
    schema::text<1, 200> inviter;
    schema::text<1, 64> role;
    token_text token;
    mailing::valid_minutes valid_minutes;
};
BOOST_DESCRIBE_STRUCT(invitation_letter, (), (inviter, role, token, valid_minutes))

/// "alert": what somebody wanted to be told.
struct alert_letter {
    schema::text<1, 100> title;  // the subject
    schema::text<1, 4'000> detail;
    utc_time at;
    page_path page;  // that tells more
};
BOOST_DESCRIBE_STRUCT(alert_letter, (), (title, detail, at, page))

/// Exactly one of them is set: its name is the template's.
struct letter_mail {
    std::optional<link_letter> verification{};
    std::optional<link_letter> reset{};
    std::optional<invitation_letter> invitation{};
    std::optional<alert_letter> alert{};
};
BOOST_DESCRIBE_STRUCT(letter_mail, (), (verification, reset, invitation, alert))

struct letter {
    schema::email to;
    schema::or_default<schema::text<0, 200>> name{};  // of the recipient, as they wrote it
    letter_mail mail;
};
BOOST_DESCRIBE_STRUCT(letter, (), (to, name, mail))

/// When the links of a letter that was asked for at `asked` stop working; nullopt: it has none that do.
[[nodiscard]] std::optional<utc_time> valid_until(const letter& what, utc_time asked);

}  // namespace bulkhead::mailing

namespace bulkhead::schema {

/// Beside what its members want, refuses none and several of them as "exactly_one".
template <>
struct binding<mailing::letter_mail> : required_binding {
    static bool read(const json::value& in, const place& at, mailing::letter_mail& out);
    static void write(std::string& out, const mailing::letter_mail& value);
};

}  // namespace bulkhead::schema
