// SPDX-License-Identifier: Apache-2.0
#include "telemetry/http_sender.hpp"

#include <curl/curl.h>
#include <fmt/format.h>

#include <algorithm>
#include <mutex>
#include <stdexcept>

#include "base/text.hpp"
#include "base/version.hpp"

namespace bulkhead::telemetry {
namespace {

using clock = std::chrono::steady_clock;

constexpr curl_off_t most_answer_bytes = 64 * 1024;
constexpr std::chrono::milliseconds least_timeout{1};

void prepare_library() {
    static std::once_flag once;
    std::call_once(once, [] {
        if (::curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
            throw std::runtime_error("libcurl cannot be used");
    });
}

struct list_end {
    void operator()(curl_slist* list) const noexcept { ::curl_slist_free_all(list); }
};
using header_list = std::unique_ptr<curl_slist, list_end>;

void append(header_list& list, const std::string& line) {
    auto* longer = ::curl_slist_append(list.get(), line.c_str());
    if (!longer) throw std::bad_alloc();
    (void)list.release();
    list.reset(longer);
}

}  // namespace

struct http_sender::transfer {
    CURL* easy = nullptr;
    std::vector<std::string> lines{};  // of every request
    std::chrono::milliseconds timeout{};
    std::atomic<clock::rep> end{clock::time_point::max().time_since_epoch().count()};
    curl_off_t received = 0;
    std::string rate_limits{};
    char reason[CURL_ERROR_SIZE] = {};

    ~transfer() {
        if (easy) ::curl_easy_cleanup(easy);
    }

    [[nodiscard]] clock::duration left() const noexcept {
        return clock::duration(end.load()) - clock::now().time_since_epoch();
    }

    template <class Value>
    void set(CURLoption option, Value value) {
        if (const auto failed = ::curl_easy_setopt(easy, option, value); failed != CURLE_OK)
            throw std::runtime_error(fmt::format("libcurl: {}", ::curl_easy_strerror(failed)));
    }

    /// Nobody reads the answer; too much of it is a broken server.
    static std::size_t on_body(char*, std::size_t size, std::size_t count, void* self) {
        auto& received = static_cast<transfer*>(self)->received;
        received += static_cast<curl_off_t>(size * count);
        return received > most_answer_bytes ? 0 : size * count;
    }

    static std::size_t on_header(char* text, std::size_t size, std::size_t count, void* self) {
        constexpr std::string_view wanted = "X-Sentry-Rate-Limits:";
        const std::string_view line(text, size * count);
        if (iequals(line.substr(0, wanted.size()), wanted))
            static_cast<transfer*>(self)->rate_limits = trim(line.substr(wanted.size()));
        return line.size();
    }

    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) {
        return static_cast<transfer*>(self)->left() <= clock::duration::zero() ? 1 : 0;
    }
};

http_sender::http_sender(const send_target& target) : transfer_(std::make_unique<transfer>()) {
    prepare_library();
    auto& t = *transfer_;
    t.easy = ::curl_easy_init();
    if (!t.easy) throw std::runtime_error("libcurl cannot be used");
    t.timeout = target.timeout;
    for (const auto& [name, value] : target.headers)
        t.lines.push_back(name + ": " + std::string(value.reveal()));
    t.lines.emplace_back(
        "Expect:");  // no 100-continue, which would cost a second with servers that ignore it
    t.set(CURLOPT_URL, target.url.c_str());
    t.set(CURLOPT_POST, 1L);
    t.set(CURLOPT_PROXY, "");
    t.set(CURLOPT_NOSIGNAL, 1L);
    t.set(CURLOPT_FOLLOWLOCATION, 0L);
    t.set(CURLOPT_PROTOCOLS_STR, "http,https");
    t.set(CURLOPT_USERAGENT, ("bulkhead/" + std::string(version_text)).c_str());
    t.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(target.connect_timeout.count()));
    t.set(CURLOPT_ERRORBUFFER, t.reason);
    t.set(CURLOPT_WRITEFUNCTION, &transfer::on_body);
    t.set(CURLOPT_WRITEDATA, transfer_.get());
    t.set(CURLOPT_HEADERFUNCTION, &transfer::on_header);
    t.set(CURLOPT_HEADERDATA, transfer_.get());
    t.set(CURLOPT_NOPROGRESS, 0L);
    t.set(CURLOPT_XFERINFOFUNCTION, &transfer::on_progress);
    t.set(CURLOPT_XFERINFODATA, transfer_.get());
    t.set(CURLOPT_QUICK_EXIT, 1L);  // a name server that does not answer must not keep us from stopping
}

http_sender::~http_sender() = default;

send_result http_sender::post(std::string_view content_type, std::string_view body) {
    auto& t = *transfer_;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(t.left());
    if (left < least_timeout) return {.failure = "we are stopping"};
    header_list headers;
    for (const auto& line : t.lines) append(headers, line);
    append(headers, "Content-Type: " + std::string(content_type));
    t.received = 0;
    t.rate_limits.clear();
    t.reason[0] = '\0';
    t.set(CURLOPT_HTTPHEADER, headers.get());
    t.set(CURLOPT_POSTFIELDS, body.data());
    t.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    t.set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::min(t.timeout, left).count()));
    const auto done = ::curl_easy_perform(t.easy);
    t.set(CURLOPT_HTTPHEADER, nullptr);
    send_result out;
    if (done != CURLE_OK) {
        if (done == CURLE_ABORTED_BY_CALLBACK)
            out.failure = "no answer before we had to stop";
        else
            out.failure = t.reason[0] ? t.reason : ::curl_easy_strerror(done);
        return out;
    }
    ::curl_easy_getinfo(t.easy, CURLINFO_RESPONSE_CODE, &out.status);
    curl_off_t wait = 0;
    if (::curl_easy_getinfo(t.easy, CURLINFO_RETRY_AFTER, &wait) == CURLE_OK && wait > 0)
        out.retry_after = std::chrono::seconds{wait};
    out.rate_limits = t.rate_limits;
    if (!out.accepted()) out.failure = fmt::format("status {}", out.status);
    return out;
}

void http_sender::stop_by(clock::time_point when) noexcept {
    transfer_->end.store(when.time_since_epoch().count());
}

}  // namespace bulkhead::telemetry
