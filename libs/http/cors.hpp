// SPDX-License-Identifier: Apache-2.0
// Which other sites' pages may read our answers (the CORS protocol of the Fetch standard, section 3.3). Sites
// are named one by one and may send credentials; there are no patterns and no reflection of what is sent.
// Immutable once made: safe from any thread, one per program.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "http/request_head.hpp"
#include "http/response.hpp"

namespace bulkhead::http {

class cors_policy {
public:
    /// Origins as browsers write them: "https://app.example.com". None: no other site reads anything. "*"
    /// alone: every site does, but nobody with cookies.
    explicit cors_policy(std::vector<std::string> origins = {});

    /// The origin is one that was named. Never because of "*".
    [[nodiscard]] bool trusts(std::string_view origin) const noexcept;

    /// The answer when a browser asks whether a page of an allowed origin may send a request. `allow` is what
    /// the path offers ("GET, HEAD"); nothing is said for a path that offers nothing. All other requests:
    /// nullopt.
    [[nodiscard]] std::optional<response> preflight(const request_head& asked, std::string_view allow) const;

    /// Lets the page that asked read the answer, and caches know that the answer depends on it. For every
    /// answer, whoever made it.
    void mark(const request_head& asked, response& answer) const;

private:
    /// What Access-Control-Allow-Origin says to this request; empty: nothing.
    [[nodiscard]] std::string_view granted(const request_head& asked) const noexcept;

    const std::vector<std::string> origins_;
    const bool anybody_;
};

}  // namespace bulkhead::http
