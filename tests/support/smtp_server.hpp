// SPDX-License-Identifier: Apache-2.0
// A mail server on a free loopback port that takes mails, reads them back as mail programs do, and misbehaves
// when a test asks for it: tests/support/smtp_server.py, which describes stages and replies. Ends with this
// object, or with the process. Used by one thread; everything blocks and throws std::runtime_error.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/child_process.hpp"

namespace bulkhead::testing {

class smtp_server {
public:
    /// `arguments` are those of the program: {"--user", "u", "--password", "p"}.
    explicit smtp_server(std::vector<std::string> arguments = {});
    smtp_server(const smtp_server&) = delete;
    smtp_server& operator=(const smtp_server&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept { return port_; }

    /// At `stage` it does this instead of what it should: always, or so many times.
    void rule(std::string_view stage, std::string_view reply, int times = -1);

    /// No rules, nothing seen.
    void reset();

    /// {"mails": [...], "commands": [...], "connections": n}, since the last reset.
    boost::json::object seen();

private:
    std::string ask(const boost::json::object& what);
    std::string read_line();

    runtime::stream to_, from_;
    std::string buffer_;
    runtime::child_process process_;
    std::uint16_t port_ = 0;
};

}  // namespace bulkhead::testing
