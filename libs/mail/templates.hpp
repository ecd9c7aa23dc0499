// SPDX-License-Identifier: Apache-2.0
// The mails that the product sends, in words: each kind is a struct with what it tells, and three pieces of
// text in templates/ (subject and text in <kind>.txt, HTML in <kind>.html) within one layout, put into the
// program by the build. Immutable once made; safe from any thread.
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "mail/link.hpp"

namespace bulkhead::mail {

/// Whose mails these are.
struct brand {
    std::string product;  // its name
    link_base home;
};

/// Somebody gave this address as theirs.
struct verification {
    std::string name{};  // of the person, as they wrote it; may be empty
    web_link confirm;
    std::chrono::minutes valid{};
};

/// Somebody asked for a new password.
struct password_reset {
    std::string name{};
    web_link choose;
    std::chrono::minutes valid{};
};

/// A member invites somebody who has no account yet.
struct invitation {
    std::string inviter{};
    std::string tenant{};  // its name
    std::string role{};    // "member"
    web_link accept;
    std::chrono::minutes valid{};
};

/// Something that a person wanted to be told.
struct alert {
    std::string name{};
    std::string title{};   // one short line, the subject
    std::string detail{};  // one paragraph
    std::string when{};    // for people, with its zone
    web_link more;
    web_link settings;  // where to end such mails
};

/// What a template gives for a message.
struct content {
    std::string subject{};
    std::string text{};
    std::string html{};
    std::string unsubscribe{};  // empty: part of no list
};

class templates {
public:
    /// Fills every template once. Throws std::logic_error when one has a place that nothing fills: a program
    /// with a broken template does not start.
    explicit templates(brand whose);

    [[nodiscard]] content render(const verification& mail) const;
    [[nodiscard]] content render(const password_reset& mail) const;
    [[nodiscard]] content render(const invitation& mail) const;
    [[nodiscard]] content render(const alert& mail) const;

private:
    brand brand_;
};

/// "1 hour", "3 days", "90 minutes": the largest unit that says it exactly.
std::string spoken_duration(std::chrono::minutes length);

}  // namespace bulkhead::mail
