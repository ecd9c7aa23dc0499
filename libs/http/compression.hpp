// SPDX-License-Identifier: Apache-2.0
// The stage that compresses answers: which, how, and on which thread. Small ones are compressed on the
// reactor, large ones by threads with a bounded queue (full: the answer goes out as it is), and what never
// changes is compressed once. Routes whose answers carry a secret are left alone (operation_texts::compress):
// a compressed length would tell what stands beside it (BREACH). One per program, safe from any reactor.
#pragma once

#include "http/compression_store.hpp"
#include "http/exchange.hpp"
#include "http/response.hpp"
#include "observability/metrics.hpp"
#include "runtime/blocking_pool.hpp"

namespace bulkhead::http {

class compression {
public:
    static constexpr std::size_t smallest = 1024;         // bytes: less hardly saves a packet
    static constexpr std::size_t on_reactor = 32 * 1024;  // bytes: a third of a millisecond as gzip

    compression(runtime::blocking_pool& threads, metrics::registry& registry);

    /// Does what takes no wait. What it returns is left for `encode_elsewhere`; identity: nothing is.
    [[nodiscard]] coding encode(const exchange& x, response& answer);
    /// `how` comes from `encode`.
    awaitable<void> encode_elsewhere(coding how, response& answer);

private:
    struct counters {
        metrics::counter& in;
        metrics::counter& out;
    };
    static counters counters_of(metrics::registry& registry, coding one);
    void replace(response& answer, coding how, std::string made, bool must = false);
    void replace_static(response& answer, coding how, std::string_view made);
    void count(coding how, std::size_t in, std::size_t out);

    runtime::blocking_pool& threads_;
    compression_store store_;
    counters gzip_, zstd_;
    metrics::counter& skipped_;
};

}  // namespace bulkhead::http
