// SPDX-License-Identifier: Apache-2.0
#include "telemetry/http_sender.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.hpp"
#include "base/version.hpp"
#include "outbound/curl_handle.hpp"

namespace bulkhead::telemetry {
namespace {

using clock = std::chrono::steady_clock;

constexpr curl_off_t most_answer_bytes = 64 * 1024;
constexpr std::chrono::milliseconds least_timeout{1};

}  // namespace

struct http_sender::transfer {
    outbound::curl_handle easy{};
    std::vector<std::string> lines{};  // of every request
    std::chrono::milliseconds timeout{};
    std::atomic<clock::rep> end{clock::time_point::max().time_since_epoch().count()};
    curl_off_t received = 0;
    std::string rate_limits{};

    [[nodiscard]] clock::duration left() const noexcept {
        return clock::duration(end.load()) - clock::now().time_since_epoch();
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
    auto& t = *transfer_;
    t.timeout = target.timeout;
    for (const auto& [name, value] : target.headers)
        t.lines.push_back(name + ": " + std::string(value.reveal()));
    t.lines.emplace_back(
        "Expect:");  // no 100-continue, which would cost a second with servers that ignore it
    t.easy.set(CURLOPT_URL, target.url.c_str());
    t.easy.set(CURLOPT_POST, 1L);
    t.easy.set(CURLOPT_PROXY, "");
    t.easy.set(CURLOPT_FOLLOWLOCATION, 0L);
    t.easy.set(CURLOPT_PROTOCOLS_STR, "http,https");
    t.easy.set(CURLOPT_USERAGENT, ("bulkhead/" + std::string(version_text)).c_str());
    t.easy.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(target.connect_timeout.count()));
    t.easy.set(CURLOPT_WRITEFUNCTION, &transfer::on_body);
    t.easy.set(CURLOPT_WRITEDATA, transfer_.get());
    t.easy.set(CURLOPT_HEADERFUNCTION, &transfer::on_header);
    t.easy.set(CURLOPT_HEADERDATA, transfer_.get());
    t.easy.set(CURLOPT_NOPROGRESS, 0L);
    t.easy.set(CURLOPT_XFERINFOFUNCTION, &transfer::on_progress);
    t.easy.set(CURLOPT_XFERINFODATA, transfer_.get());
    t.easy.set(CURLOPT_QUICK_EXIT, 1L);  // a name server that does not answer must not keep us from stopping
}

http_sender::~http_sender() = default;

send_result http_sender::post(std::string_view content_type, std::string_view body) {
    auto& t = *transfer_;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(t.left());
    if (left < least_timeout) return {.failure = "we are stopping"};
    outbound::curl_list headers;
    for (const auto& line : t.lines) headers.append(line);
    headers.append("Content-Type: " + std::string(content_type));
    t.received = 0;
    t.rate_limits.clear();
    t.easy.set(CURLOPT_HTTPHEADER, headers.get());
    t.easy.set(CURLOPT_POSTFIELDS, body.data());
    t.easy.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
    t.easy.set(CURLOPT_TIMEOUT_MS, static_cast<long>(std::min(t.timeout, left).count()));
    const auto done = t.easy.perform();
    t.easy.set(CURLOPT_HTTPHEADER, static_cast<curl_slist*>(nullptr));
    send_result out;
    if (done != CURLE_OK) {
        if (done == CURLE_ABORTED_BY_CALLBACK)
            out.failure = "no answer before we had to stop";
        else
            out.failure = t.easy.reason(done);
        return out;
    }
    out.status = t.easy.info<long>(CURLINFO_RESPONSE_CODE);
    const auto wait = t.easy.info<curl_off_t>(CURLINFO_RETRY_AFTER);
    if (wait > 0) out.retry_after = std::chrono::seconds{wait};
    out.rate_limits = t.rate_limits;
    if (!out.accepted()) out.failure = fmt::format("status {}", out.status);
    return out;
}

void http_sender::stop_by(clock::time_point when) noexcept {
    transfer_->end.store(when.time_since_epoch().count());
}

}  // namespace bulkhead::telemetry
