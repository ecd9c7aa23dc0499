// SPDX-License-Identifier: Apache-2.0
// One mail to one recipient, and the header it goes out with. What is in a message may come from users: all
// of it is checked before a byte is sent, so that nobody can add a header, a recipient or a command. Plain
// values; functions are safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/time.hpp"

namespace bulkhead::mail {

/// Who sends or gets a mail.
struct mailbox {
    std::string name{};     // UTF-8, shown before the address; empty: none
    std::string address{};  // ASCII, as schema::email takes it
};

struct message {
    mailbox from{};
    mailbox to{};
    mailbox reply_to{};     // without an address: none
    std::string subject{};  // UTF-8, one line
    std::string text{};     // UTF-8; lines end with \n or \r\n
    std::string html{};     // the same mail as an HTML document
    std::string id{};       // of the job: a retry gets the same Message-ID, by which programs see duplicates
    utc_time date{};        // when it was decided to send it
    std::string unsubscribe{};  // a link to leave the list; empty: the mail is part of no list
};

/// Bounds of a message; what is over them is refused.
inline constexpr std::size_t longest_name = 200;     // bytes
inline constexpr std::size_t longest_subject = 400;  // bytes
inline constexpr std::size_t longest_body = 256 * 1024;

/// errc::validation_failed when the message cannot be sent by anybody: an address that is none or is not
/// ASCII (that would take SMTPUTF8, RFC 6531, which accounts do not have either), a control character where
/// one line is meant, text that is not UTF-8, too much of anything. The detail says which, never the value.
result<> check(const message& mail);

/// The header without MIME's own lines: From, To, Reply-To, Subject, Date, Message-ID, Auto-Submitted (RFC
/// 3834) and List-Unsubscribe (RFC 2369), each folded and without its last line end. For a checked message.
std::vector<std::string> header_lines(const message& mail);

/// "<id@domain of the sender>".
std::string message_id(const message& mail);

/// What stands behind the @.
std::string_view domain_of(std::string_view address);

}  // namespace bulkhead::mail
