// SPDX-License-Identifier: Apache-2.0
// Which tenant causes what: answers by status class and the use of connections. Apart from /metrics, because
// every tenant is a label. Bounded: a reactor counts at most 1000 tenants by name, the others together as
// "_other", and a tenant that has been silent for an hour joins those. One tenant_metrics per reactor, one
// tenant_page per program.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "http/server.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::ops {

struct tenant_numbers {
    std::array<std::uint64_t, 5> answers{};  // by status class, 1xx first
    std::size_t connections = 0;
    std::size_t waiting = 0;    // operations without a connection
    std::size_t in_flight = 0;  // operations that the database works on

    tenant_numbers& operator+=(const tenant_numbers& more);
};

using tenant_table = std::map<std::string, tenant_numbers, std::less<>>;  // by slug

inline constexpr std::string_view other_tenants = "_other";  // no slug begins like this

class tenant_metrics final : public http::answer_observer {
public:
    static constexpr std::size_t most_tenants = 1000;
    static constexpr std::chrono::hours most_silence{1};

    /// Both must outlive this object.
    tenant_metrics(const tenancy::registry& tenants, const postgres::pool_set& pools)
        : tenants_(tenants), pools_(pools) {}

    void on_answer(const http::answered& what) override {
        if (!what.tenant.empty()) count(what.tenant, static_cast<unsigned>(what.answer.code));
    }
    void count(std::string_view tenant, unsigned status);

    /// What there is at `now`.
    [[nodiscard]] tenant_table take(steady_clock::time_point now);

private:
    struct counted {
        std::array<std::uint64_t, 5> answers{};
        steady_clock::time_point last{};
    };

    const tenancy::registry& tenants_;
    const postgres::pool_set& pools_;
    std::unordered_map<std::string, counted, postgres::string_hash, std::equal_to<>> by_slug_;
    std::array<std::uint64_t, 5> others_{};
};

/// Prometheus' text format 0.0.4.
[[nodiscard]] std::string render(const tenant_table& table);

/// The numbers of all reactors.
class tenant_page {
public:
    /// Before the reactors start; `part` belongs to `reactor`.
    void add(executor reactor, tenant_metrics& part) {
        reactors_.push_back(reactor);
        parts_.push_back(&part);
    }

    /// errc::unavailable when a reactor is held up: without its part the counters would seem to go back.
    awaitable<result<std::string>> text();

private:
    std::vector<executor> reactors_;
    std::vector<tenant_metrics*> parts_;
};

}  // namespace bulkhead::ops
