// SPDX-License-Identifier: Apache-2.0
#include "outbound/curl_handle.hpp"

#include <mutex>
#include <new>

namespace bulkhead::outbound {
namespace {

void prepare_library() {
    static std::once_flag once;
    std::call_once(once, [] {
        if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            throw std::runtime_error("libcurl cannot be used");
    });
}

}  // namespace

void curl_list::append(const std::string& line) {
    auto* longer = ::curl_slist_append(list_.get(), line.c_str());
    if (!longer) throw std::bad_alloc();
    (void)list_.release();
    list_.reset(longer);
}

curl_handle::curl_handle() : reason_(std::make_unique<std::array<char, CURL_ERROR_SIZE>>()) {
    prepare_library();
    easy_.reset(::curl_easy_init());
    if (!easy_) throw std::runtime_error("libcurl cannot be used");
    set(CURLOPT_ERRORBUFFER, reason_->data());
    set(CURLOPT_NOSIGNAL, 1L);
}

CURLcode curl_handle::perform() noexcept {
    reason_->front() = '\0';
    return ::curl_easy_perform(easy_.get());
}

std::string curl_handle::reason(CURLcode failed) const {
    return reason_->front() ? reason_->data() : ::curl_easy_strerror(failed);
}

}  // namespace bulkhead::outbound
