// SPDX-License-Identifier: Apache-2.0
// Where mails go, whom they come from and where their links lead, as settings say it. Plain functions, safe
// from any thread.
#pragma once

#include <cstdint>
#include <expected>
#include <string>
#include <string_view>

#include "base/secret.hpp"

namespace bulkhead::config {

/// When a connection to the mail server is encrypted.
enum class smtp_tls {
    off,         // never
    if_offered,  // when the server has STARTTLS
    required,    // STARTTLS, or no mail
    from_start,  // smtps://
};

struct smtp_endpoint {
    std::string host{};  // name or address, without brackets; empty: none
    std::uint16_t port = 0;
    std::string user{};  // empty: no login
    secret password{};
    smtp_tls tls = smtp_tls::off;
};

/// smtp://[user:password@]host[:port][?tls=off|required], port 587 with a user and 25 without, and
/// smtps://[user:password@]host[:465]. User and password are percent-decoded. Without ?tls, smtp:// is
/// encrypted always when there is a user, and if the server offers it when there is none; never on loopback.
/// The sentence of a failure does not repeat the URL.
std::expected<smtp_endpoint, std::string> parse_smtp_url(std::string_view url);

/// Who sends.
struct mail_sender {
    std::string name{};     // UTF-8; empty: none
    std::string address{};  // lower case; empty: there is no sender
};

/// "Name <address>", "\"Name\" <address>" or the address alone.
std::expected<mail_sender, std::string> parse_mail_sender(std::string_view text);

/// http[s]://host[:port][/path]: where the product's pages are. Without a slash at its end.
std::expected<std::string, std::string> parse_app_url(std::string_view text);

/// What the product is called: up to 64 bytes of UTF-8 on one line.
std::expected<std::string, std::string> parse_app_name(std::string_view text);

}  // namespace bulkhead::config
