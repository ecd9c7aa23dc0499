// SPDX-License-Identifier: Apache-2.0
#include "config/rows/rows.hpp"

namespace bulkhead::config {
using namespace rows;
namespace {

std::string local_pages(const circumstances&, so_far values) {
    const bool near = values.env == environment::development || values.env == environment::test;
    return near ? "http://localhost:3000" : "";
}

}  // namespace

// clang-format off
std::vector<row> mail_rows() { return {
    {.name = "SMTP_URL", .programs = worker, .type = "smtp://user:password@host:587 or smtps://user:password@host:465",
     .show = shown::url, .parse = into(&settings::smtp, parse_smtp_url),
     .example = "smtps://user:password@mail.example.com:465",
     .help = "The server that takes mails. smtp:// with a user, and not to this host, demands STARTTLS; ?tls=required"
             " always does, ?tls=off never asks for it. Without SMTP_URL development writes mails to the log;"
             " elsewhere they wait for a worker that has it."},
    {.name = "SMTP_CA_FILE", .programs = worker, .type = "path",
     .parse = into(&settings::smtp_ca_file, parse_text), .example = "/etc/ssl/mail-ca.pem",
     .help = "Authorities (PEM) that may sign the certificate of the mail server, instead of those that the system"
             " trusts."},
    {.name = "MAIL_FROM", .programs = worker, .type = "Name <address> or address",
     .parse = into(&settings::mail_from, parse_mail_sender), .example = "Example <no-reply@example.com>",
     .help = "Who mails come from, for people and for bounces. Required with SMTP_URL."},
    {.name = "APP_URL", .programs = worker, .type = "http(s)://host[:port][/path]",
     .fallback = "http://localhost:3000 in development and test", .computed = local_pages,
     .parse = into(&settings::app_url, parse_app_url), .example = "https://app.example.com",
     .help = "Where the pages of the product are: links in mails lead there. Required with SMTP_URL."},
    {.name = "APP_NAME", .programs = worker, .type = "up to 64 bytes", .fallback = "Bulkhead",
     .parse = into(&settings::app_name, parse_app_name), .help = "What mails call the product."},
}; }
// clang-format on

}  // namespace bulkhead::config
