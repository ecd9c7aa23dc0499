// SPDX-License-Identifier: Apache-2.0
// One request from its head to its answer: what came in, from where, who serves it, and what the log and the
// answer should say beside the handler's own words. Lives in the connection's frame until the answer is
// written; every view in it points into the connection's buffers.
#pragma once

#include <algorithm>
#include <array>
#include <boost/asio/ip/address.hpp>
#include <functional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/request_head.hpp"
#include "http/route.hpp"
#include "http/services.hpp"
#include "observability/crash_notes.hpp"
#include "observability/log.hpp"
#include "observability/trace_recorder.hpp"
#include "runtime/deadline.hpp"

namespace bulkhead::http {

/// Where a request came from.
struct request_origin {
    boost::asio::ip::address client{};  // whoever asks, behind the proxies that are trusted
    bool secure = false;                // over TLS all the way to us, or to a trusted proxy
};

/// Why a request ended as an error of ours, as far as its handler says it. For error reports, never for
/// clients.
struct request_failure {
    std::string type{};    // of the exception; empty: none was thrown
    std::string reason{};  // what it said
};

class exchange {
public:
    exchange(const request_head& head, const services& provided, std::string_view request_id,
             request_origin origin, runtime::deadline limit)
        : head_(head),
          services_(provided),
          request_id_(request_id),
          origin_(std::move(origin)),
          deadline_(limit),
          note_(request_id) {}
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    [[nodiscard]] const request_head& head() const noexcept { return head_; }
    /// Empty until it has been read, which is before the request is served.
    [[nodiscard]] std::string_view body() const noexcept { return body_; }
    void set_body(std::string_view received) noexcept { body_ = received; }
    [[nodiscard]] const request_origin& origin() const noexcept { return origin_; }
    [[nodiscard]] std::string_view request_id() const noexcept { return request_id_; }
    /// When the answer must be on its way; waits on behalf of this request end there.
    [[nodiscard]] runtime::deadline deadline() const noexcept { return deadline_; }
    void set_deadline(runtime::deadline limit) noexcept { deadline_ = limit; }

    /// The decoded value of the route's n-th `{parameter}`.
    [[nodiscard]] std::string_view path_parameter(std::size_t n) const noexcept {
        return path_parameters_[n];
    }
    void set_path_parameter(std::size_t n, std::string value) { path_parameters_[n] = std::move(value); }

    /// The row that serves it; null when no row does, and outside a server.
    [[nodiscard]] const route* row() const noexcept { return row_; }
    void set_row(const route& serving) noexcept {
        row_ = &serving;
        note_.set_route(serving.path);
    }
    [[nodiscard]] const operation_texts* operation() const noexcept { return row_ ? &row_->texts : nullptr; }

    template <class T>
    [[nodiscard]] T& service() const {
        return services_.get<T>();
    }

    /// Names the tenant on every later log line of this request.
    void set_tenant(std::string slug) {
        tenant_ = std::move(slug);
        note_.set_tenant(tenant_);
    }
    [[nodiscard]] std::string_view tenant() const noexcept { return tenant_; }

    /// Names the signed-in user on its access line and in error reports.
    void set_user(std::string id) {
        user_ = std::move(id);
        note_.set_user(user_);
    }
    [[nodiscard]] std::string_view user() const noexcept { return user_; }

    /// Its place in a distributed trace; not known() outside of a server that traces.
    [[nodiscard]] const trace::context& trace() const noexcept { return trace_.own; }
    /// Where to record what it waits for; null unless it is sampled.
    [[nodiscard]] const trace::recorder_ptr& recording() const noexcept { return trace_.recording; }
    void set_trace(trace::beginning how) noexcept { trace_ = std::move(how); }

    /// It has come as far as its handler; nothing refused it before.
    [[nodiscard]] bool served() const noexcept { return served_; }
    void set_served() noexcept { served_ = true; }
    [[nodiscard]] const request_failure& failure() const noexcept { return failure_; }
    void set_failure(request_failure why) { failure_ = std::move(why); }

    /// A header of the answer, whatever the answer will be. `name` is static text; one that the answer sets
    /// itself wins, but what Vary lists is joined.
    void add_header(std::string_view name, std::string value) {
        answer_headers_.emplace_back(name, std::move(value));
    }
    /// The same, instead of what was added by that name.
    void set_header(std::string_view name, std::string value) {
        std::erase_if(answer_headers_, [&](const auto& each) { return each.first == name; });
        add_header(name, std::move(value));
    }
    [[nodiscard]] bool has_header(std::string_view name) const noexcept {
        return std::ranges::any_of(answer_headers_, [&](const auto& each) { return each.first == name; });
    }
    [[nodiscard]] std::vector<std::pair<std::string_view, std::string>> take_headers() noexcept {
        return std::exchange(answer_headers_, {});
    }

    /// What is to be done once this request has taken effect: everything it wrote is committed, and its
    /// answer is below 400. Never when that is not so, or not known. Must not wait, throw, or use the
    /// request.
    void when_effective(std::move_only_function<void()> then) { effects_.push_back(std::move(then)); }
    /// For whoever knows.
    void take_effect() {
        for (auto& each : std::exchange(effects_, {})) each();
    }
    /// What was written was undone, or is not to count.
    void forget_effects() noexcept { effects_.clear(); }

    /// Writes lines that carry request id, trace and tenant. Made on demand: most requests log nothing of
    /// their own.
    [[nodiscard]] log::logger log() const {
        auto named = log::logger{}.with({"request_id", request_id_});
        if (trace().known())
            named = std::move(named).with({"trace_id", trace::hex_text(trace().trace).view()});
        return tenant_.empty() ? named : std::move(named).with({"tenant", std::string_view(tenant_)});
    }

    static constexpr std::size_t max_path_parameters = 4;

private:
    const request_head& head_;
    std::string_view body_{};
    const services& services_;
    std::string_view request_id_;
    request_origin origin_;
    runtime::deadline deadline_;
    const route* row_ = nullptr;
    std::array<std::string, max_path_parameters> path_parameters_{};
    std::string tenant_;
    std::string user_;
    trace::beginning trace_;
    request_failure failure_;
    bool served_ = false;
    crash_notes::note note_;  // should we crash now
    std::vector<std::pair<std::string_view, std::string>> answer_headers_;
    std::vector<std::move_only_function<void()>> effects_;
};

}  // namespace bulkhead::http
