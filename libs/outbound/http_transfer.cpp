// SPDX-License-Identifier: Apache-2.0
#include "outbound/http_transfer.hpp"

#include <fmt/format.h>
#include <sys/socket.h>

#include <algorithm>

#include "base/text.hpp"
#include "base/version.hpp"

namespace bulkhead::outbound {
namespace {

constexpr std::size_t longest_kept_header = 256;
constexpr std::chrono::seconds longest_retry_after{86'400};

std::string bracketed(const ip_address& address) {
    return address.ipv6 ? '[' + address.text() + ']' : address.text();
}

/// CURLOPT_RESOLVE: what the name means for this transfer, whatever anybody else says.
std::string pin_line(const url& target, std::span<const ip_address> addresses) {
    std::string out = fmt::format("{}:{}:", target.host, target.port);
    for (const auto& each : addresses) {
        if (out.back() != ':') out += ',';
        out += bracketed(each);
    }
    return out;
}

/// The value of a header line if it is this header.
std::optional<std::string_view> value_of(std::string_view line, std::string_view name) {
    if (line.size() <= name.size() || line[name.size()] != ':' || !iequals(line.substr(0, name.size()), name))
        return std::nullopt;
    return trim(line.substr(name.size() + 1)).substr(0, longest_kept_header);
}

}  // namespace

http_transfer::http_transfer(const url& target, std::span<const ip_address> pinned, const target_rules& rules,
                             const trust_store& trust, const transfer_limits& limits)
    : target_(target), pinned_(pinned), may_connect_(pinned, rules.addresses), limits_(limits) {
    set_up_connection();
    set_up_answer();
    trust.apply(easy_);
}

void http_transfer::set_up_connection() {
    const auto address = target_.text();
    easy_.set(CURLOPT_URL, address.c_str());
    easy_.set(CURLOPT_PATH_AS_IS, 1L);
    easy_.set(CURLOPT_PROTOCOLS_STR, target_.encrypted ? "https" : "http");
    easy_.set(CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_1_1));
    easy_.set(CURLOPT_FOLLOWLOCATION, 0L);
    easy_.set(CURLOPT_PROXY, "");
    easy_.set(CURLOPT_NOPROXY, "*");
    easy_.set(CURLOPT_USERAGENT, fmt::format("Bulkhead/{}", version_text).c_str());
    easy_.set(CURLOPT_FRESH_CONNECT, 1L);
    easy_.set(CURLOPT_FORBID_REUSE, 1L);
    if (!target_.address) {
        pins_.append(pin_line(target_, pinned_));
        easy_.set(CURLOPT_RESOLVE, pins_.get());
    }
    easy_.set(CURLOPT_OPENSOCKETFUNCTION, &http_transfer::open_socket);
    easy_.set(CURLOPT_OPENSOCKETDATA, this);
    easy_.set(CURLOPT_PREREQFUNCTION, &http_transfer::before_request);
    easy_.set(CURLOPT_PREREQDATA, this);
    easy_.set(CURLOPT_SSL_VERIFYPEER, 1L);
    easy_.set(CURLOPT_SSL_VERIFYHOST, 2L);
    easy_.set(CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
    easy_.set(CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(limits_.connect.count()));
    easy_.set(CURLOPT_TIMEOUT_MS, static_cast<long>(limits_.whole.count()));
}

void http_transfer::set_up_answer() {
    easy_.set(CURLOPT_HEADERFUNCTION, &http_transfer::on_head);
    easy_.set(CURLOPT_HEADERDATA, this);
    easy_.set(CURLOPT_WRITEFUNCTION, &http_transfer::on_body);
    easy_.set(CURLOPT_WRITEDATA, this);
    easy_.set(CURLOPT_NOPROGRESS, 0L);
    easy_.set(CURLOPT_XFERINFOFUNCTION, &http_transfer::on_progress);
    easy_.set(CURLOPT_XFERINFODATA, this);
}

http_outcome http_transfer::post(const http_request& request, std::function<bool()> go_on) {
    go_on_ = std::move(go_on);
    // A blank value needs a semicolon, else libcurl takes the line for a header to leave out.
    for (const auto& [name, value] : request.headers)
        lines_.append(value.empty() ? name + ';' : fmt::format("{}: {}", name, value));
    lines_.append("Expect:");  // no 100-continue, which would cost a second with servers that ignore it
    easy_.set(CURLOPT_POST, 1L);
    easy_.set(CURLOPT_POSTFIELDS, request.body.data());
    easy_.set(CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
    easy_.set(CURLOPT_HTTPHEADER, lines_.get());
    const auto done = easy_.perform();
    auto out = std::move(answer_);
    out.how = out.body_cut ? ending::answered : judge(done);
    if (out.how == ending::answered)
        read_answer(out);
    else
        out.reason = easy_.reason(done);
    out.took = std::chrono::duration_cast<std::chrono::milliseconds>(
        std::chrono::microseconds(easy_.info<curl_off_t>(CURLINFO_TOTAL_TIME_T)));
    return out;
}

ending http_transfer::judge(CURLcode done) const {
    switch (done) {
        case CURLE_OK: return ending::answered;
        case CURLE_COULDNT_RESOLVE_HOST: return ending::unresolved;
        case CURLE_COULDNT_CONNECT: return ending::unreachable;
        case CURLE_OPERATION_TIMEDOUT:
        case CURLE_ABORTED_BY_CALLBACK: return ending::timed_out;
        case CURLE_SSL_CONNECT_ERROR:
        case CURLE_PEER_FAILED_VERIFICATION:
        case CURLE_SSL_CIPHER:
        case CURLE_SSL_CACERT_BADFILE: return ending::untrusted;
        default: return ending::broken;
    }
}

void http_transfer::read_answer(http_outcome& out) {
    out.status = static_cast<unsigned>(easy_.info<long>(CURLINFO_RESPONSE_CODE));
    const auto wait = easy_.info<curl_off_t>(CURLINFO_RETRY_AFTER);
    if (wait > 0) out.retry_after = std::min(std::chrono::seconds{wait}, longest_retry_after);
}

curl_socket_t http_transfer::open_socket(void* self, curlsocktype purpose, curl_sockaddr* wanted) noexcept {
    const auto peer = ip_address::from(wanted->addr);
    if (purpose != CURLSOCKTYPE_IPCXN || !peer ||
        !static_cast<http_transfer*>(self)->may_connect_.hold(*peer))
        return CURL_SOCKET_BAD;
    return ::socket(wanted->family, wanted->socktype | SOCK_CLOEXEC, wanted->protocol);
}

int http_transfer::before_request(void* self, char* peer, char*, int, int) noexcept {
    const auto address = ip_address::parse(peer);
    const bool good = address && static_cast<http_transfer*>(self)->may_connect_.hold(*address);
    return good ? CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

std::size_t http_transfer::on_head(char* text, std::size_t size, std::size_t count, void* self) noexcept {
    auto& transfer = *static_cast<http_transfer*>(self);
    const std::string_view line(text, size * count);
    transfer.head_bytes_ += line.size();
    if (transfer.head_bytes_ > transfer.limits_.head) return 0;
    auto& answer = transfer.answer_;
    if (const auto type = value_of(line, "Content-Type")) answer.content_type = *type;
    if (const auto place = value_of(line, "Location")) answer.location = *place;
    return line.size();
}

std::size_t http_transfer::on_body(char* text, std::size_t size, std::size_t count, void* self) noexcept {
    auto& transfer = *static_cast<http_transfer*>(self);
    auto& answer = transfer.answer_;
    const auto room = transfer.limits_.body - answer.body.size();
    const auto came = size * count;
    answer.body.append(text, std::min(came, room));
    answer.body_cut = came > room;
    return answer.body_cut ? 0 : came;
}

int http_transfer::on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept {
    return static_cast<http_transfer*>(self)->go_on_() ? 0 : 1;
}

}  // namespace bulkhead::outbound
