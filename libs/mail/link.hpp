// SPDX-License-Identifier: Apache-2.0
// Links that stand in mails. One is made from the address of the product and encoded parts only, so that no
// value can lead elsewhere or be a script. Plain values, safe from any thread.
#pragma once

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace bulkhead::mail {

/// https://app.example.com/invitations?token=...
class web_link {
public:
    /// Made of characters that a URL may hold (RFC 3986) and no quotes.
    [[nodiscard]] const std::string& str() const noexcept { return text_; }

private:
    friend class link_base;
    explicit web_link(std::string text) : text_(std::move(text)) {}

    std::string text_;
};

/// Where the product's pages are.
class link_base {
public:
    /// An http:// or https:// URL with a host and perhaps a path; no user, no query, no fragment. nullopt
    /// otherwise.
    static std::optional<link_base> parse(std::string_view url);

    using parameters = std::initializer_list<std::pair<std::string_view, std::string_view>>;

    /// The page at `path`, which begins with a slash and is ours. Names and values are percent-encoded.
    [[nodiscard]] web_link at(std::string_view path, parameters query = {}) const;

private:
    explicit link_base(std::string url) : url_(std::move(url)) {}

    std::string url_;  // without a slash at its end
};

}  // namespace bulkhead::mail
