// SPDX-License-Identifier: Apache-2.0
// What is sent to somebody else's server, and what came of it. Plain values.
#pragma once

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace bulkhead::outbound {

struct http_request {
    std::string url{};
    /// Content-Type among them. Not those that say how a message is framed, whom it is for or who sends it.
    std::vector<std::pair<std::string, std::string>> headers{};
    std::string body{};
};

/// How a call ended.
enum class ending {
    answered,     // with a status, whichever
    refused,      // by us: the URL may not be called
    unresolved,   // the host has no address
    unreachable,  // nobody took the connection
    untrusted,    // TLS failed: the certificate, mostly
    timed_out,    // no whole answer in time
    broken,       // the connection ended early, or it was not HTTP
};

/// "answered" ...: stable, a metric label.
[[nodiscard]] std::string_view ending_name(ending value) noexcept;

/// One sentence for the customer; it holds nothing of our network.
[[nodiscard]] std::string_view ending_text(ending value) noexcept;

struct http_outcome {
    ending how = ending::broken;
    std::string reason{};  // for our log only, it may name addresses; for `refused` fit for the customer
    std::chrono::milliseconds took{0};

    // Of an answer:
    unsigned status = 0;                                // 200 to 999; 1xx are not the end
    std::string body{};                                 // its beginning
    bool body_cut = false;                              // there was more
    std::optional<std::chrono::seconds> retry_after{};  // from either form of Retry-After, a day at most
    std::string content_type{};                         // up to 256 bytes, and so is the next
    std::string location{};                             // of a redirection, which is not followed

    [[nodiscard]] bool succeeded() const noexcept {
        return how == ending::answered && status >= 200 && status < 300;
    }
};

}  // namespace bulkhead::outbound
