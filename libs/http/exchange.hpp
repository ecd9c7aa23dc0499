// SPDX-License-Identifier: Apache-2.0
// One request while it is served: what came in, who serves it, and what the log should say about it. Lives in
// the connection's frame until the answer is written; every view in it points into the connection's buffers.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "http/request_head.hpp"
#include "http/services.hpp"
#include "observability/log.hpp"
#include "runtime/deadline.hpp"

namespace bulkhead::http {

struct operation_texts;

class exchange {
public:
    exchange(const request_head& head, std::string_view body, const services& provided,
             std::string_view request_id, runtime::deadline limit)
        : head_(head), body_(body), services_(provided), request_id_(request_id), deadline_(limit) {}
    exchange(const exchange&) = delete;
    exchange& operator=(const exchange&) = delete;

    [[nodiscard]] const request_head& head() const noexcept { return head_; }
    [[nodiscard]] std::string_view body() const noexcept { return body_; }
    [[nodiscard]] std::string_view request_id() const noexcept { return request_id_; }
    /// When the answer must be on its way; waits on behalf of this request end there.
    [[nodiscard]] runtime::deadline deadline() const noexcept { return deadline_; }

    /// The decoded value of the route's n-th `{parameter}`.
    [[nodiscard]] std::string_view path_parameter(std::size_t n) const noexcept {
        return path_parameters_[n];
    }
    void set_path_parameter(std::size_t n, std::string value) { path_parameters_[n] = std::move(value); }

    /// The operation that serves it; null outside a server.
    [[nodiscard]] const operation_texts* operation() const noexcept { return operation_; }
    void set_operation(const operation_texts& served) noexcept { operation_ = &served; }

    template <class T>
    [[nodiscard]] T& service() const {
        return services_.get<T>();
    }

    /// Names the tenant on every later log line of this request.
    void set_tenant(std::string slug) { tenant_ = std::move(slug); }
    [[nodiscard]] std::string_view tenant() const noexcept { return tenant_; }

    /// Writes lines that carry request id and tenant. Made on demand: most requests log nothing of their own.
    [[nodiscard]] log::logger log() const {
        const auto named = log::logger{}.with({"request_id", request_id_});
        return tenant_.empty() ? named : named.with({"tenant", std::string_view(tenant_)});
    }

    static constexpr std::size_t max_path_parameters = 4;

private:
    const request_head& head_;
    std::string_view body_;
    const services& services_;
    std::string_view request_id_;
    runtime::deadline deadline_;
    const operation_texts* operation_ = nullptr;
    std::array<std::string, max_path_parameters> path_parameters_{};
    std::string tenant_;
};

}  // namespace bulkhead::http
