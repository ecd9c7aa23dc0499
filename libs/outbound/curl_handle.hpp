// SPDX-License-Identifier: Apache-2.0
// libcurl as values that clean up after themselves. A handle is used by one thread at a time; failures are
// std::runtime_error, since options fail only when the library is not the one we were built for.
#pragma once

#include <curl/curl.h>

#include <array>
#include <memory>
#include <stdexcept>
#include <string>

namespace bulkhead::outbound {

/// Header lines and the like. libcurl keeps pointing to it, so it must outlive the transfer.
class curl_list {
public:
    void append(const std::string& line);
    [[nodiscard]] curl_slist* get() const noexcept { return list_.get(); }

private:
    struct release {
        void operator()(curl_slist* list) const noexcept { ::curl_slist_free_all(list); }
    };
    std::unique_ptr<curl_slist, release> list_;
};

/// One transfer at a time. The first handle of the process readies the library, for all threads.
class curl_handle {
public:
    curl_handle();

    template <class Value>
    void set(CURLoption option, Value value) {
        if (const auto failed = ::curl_easy_setopt(easy_.get(), option, value); failed != CURLE_OK)
            throw std::runtime_error(std::string("libcurl: ") + ::curl_easy_strerror(failed));
    }

    /// Blocks until it is over.
    [[nodiscard]] CURLcode perform() noexcept;

    template <class Value>
    [[nodiscard]] Value info(CURLINFO what) const noexcept {
        Value value{};
        ::curl_easy_getinfo(easy_.get(), what, &value);
        return value;
    }

    /// For what belongs to a handle, such as MIME parts.
    [[nodiscard]] CURL* get() const noexcept { return easy_.get(); }

    /// Why the last transfer failed, for logs: it may name hosts and addresses.
    [[nodiscard]] std::string reason(CURLcode failed) const;

private:
    struct release {
        void operator()(CURL* easy) const noexcept { ::curl_easy_cleanup(easy); }
    };
    std::unique_ptr<std::array<char, CURL_ERROR_SIZE>>
        reason_;  // at a place of its own: libcurl points to it
    std::unique_ptr<CURL, release> easy_;
};

}  // namespace bulkhead::outbound
