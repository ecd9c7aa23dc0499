// SPDX-License-Identifier: Apache-2.0
// One connection to the mail server, kept for the next mail; libcurl speaks SMTP and makes the MIME parts,
// and is seen in smtp_session.cpp only. Blocks: for threads that may wait. Used by one thread at a time.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "base/error.hpp"
#include "base/secret.hpp"
#include "mail/message.hpp"
#include "runtime/deadline.hpp"

namespace bulkhead::mail {

/// How the way to the server is protected. Whenever TLS is spoken, the certificate must be valid for the
/// host.
enum class encryption {
    none,
    if_offered,  // STARTTLS (RFC 3207) when the server has it
    required,    // STARTTLS, or no mail
    from_start,  // smtps (RFC 8314 section 3.3)
};

struct smtp_target {
    std::string host{};  // name or address, without brackets
    std::uint16_t port = 25;
    std::string user{};  // empty: no AUTH
    secret password{};
    encryption protect = encryption::required;
    std::string ca_file{};  // PEM: trusts these only; empty: whom the system trusts
    /// To connect, greet, encrypt and authenticate; servers that keep newcomers waiting take ten seconds.
    std::chrono::milliseconds connect_timeout{30'000};
    /// A connection that has been idle for longer is not used again; servers close theirs after five minutes
    /// (RFC 5321 section 4.5.3.2.7), many earlier.
    std::chrono::seconds keep{60};
};

/// What became of a mail that the server has decided about.
struct delivery {
    bool accepted = false;  // the server has taken it over; else it will never take this mail
    int reply = 0;          // the SMTP reply code; 0: the message is broken, and was not offered
    /// The server's words (at most 300 bytes of one line, addresses masked), or what is wrong with the
    /// message. For the log and for operators: servers name machines here.
    std::string text{};
};

/// A mail that may be tried again: errc::unavailable, or errc::deadline_exceeded. `why` is for the log; the
/// error's detail is for everybody.
struct attempt {
    result<delivery> outcome;
    std::string why{};
};

class smtp_session {
public:
    /// Does not connect. Throws std::runtime_error when libcurl does not know what it is told.
    explicit smtp_session(const smtp_target& target);
    ~smtp_session();
    smtp_session(const smtp_session&) = delete;
    smtp_session& operator=(const smtp_session&) = delete;

    /// Offers a checked message. Replies of class 5 to the envelope or to the message are final, all else is
    /// not. A connection that was kept and turns out to be dead, or dismissed with 421, is replaced once.
    /// When the connection breaks after the whole message has left, nobody knows whether the server has it:
    /// that counts as not sent. `stopping` cuts off what has not yet begun to send its message.
    attempt send(const message& mail, runtime::deadline until, const std::atomic<bool>& stopping);

private:
    struct transfer;
    std::unique_ptr<transfer> transfer_;
    std::string base_url_;  // all but EHLO's name
};

}  // namespace bulkhead::mail
