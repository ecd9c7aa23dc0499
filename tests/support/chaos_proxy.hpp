// SPDX-License-Identifier: Apache-2.0
// A TCP proxy that makes a network as bad as a test wants it: it stands between a client and a server and
// delays, throttles, slices, corrupts, swallows or ends what passes, each direction on its own. It runs on a
// thread of its own; every function may be called from any thread and has taken effect when it returns.
// Faults apply at once to connections that exist and to later ones, until they are cleared.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>

namespace bulkhead::testing {

enum class toward { server, client };

/// What happens to the bytes of one direction. All at once if several are set.
struct faults {
    static constexpr std::size_t none = std::numeric_limits<std::size_t>::max();

    std::chrono::milliseconds delay{0};        // every byte arrives so much later; order and rate are kept
    std::size_t bytes_per_second = none;       // throttle
    std::size_t slice = none;                  // no more than so many bytes in one write
    std::chrono::milliseconds slice_pause{0};  // between two slices
    std::size_t corrupt_every = none;          // one bit of every n-th byte is flipped
    bool stall = false;                        // nothing is read, so that the sender's buffers fill
    bool swallow = false;                      // black hole: bytes are read and never arrive
    bool keep_open = false;                    // half-open: when the sender ends, nobody is told
    std::size_t cut_after = none;              // bytes of a connection, then both sides see its end
    std::size_t reset_after = none;            // bytes of a connection, then both sides see a reset
};

class chaos_proxy {
public:
    struct totals {
        std::uint64_t connections = 0;  // accepted since the start
        std::size_t open = 0;
        std::uint64_t to_server = 0, to_client = 0;  // bytes that were read from the other side
    };

    /// Listens on a free port of 127.0.0.1. `host` is a literal address. Throws std::runtime_error.
    chaos_proxy(std::string host, std::uint16_t port);
    ~chaos_proxy();
    chaos_proxy(const chaos_proxy&) = delete;
    chaos_proxy& operator=(const chaos_proxy&) = delete;

    [[nodiscard]] std::uint16_t port() const noexcept;

    void set(toward direction, const faults& wanted);
    /// No faults in either direction, and connections are accepted. What was swallowed stays lost.
    void clear();

    /// New connections are closed as soon as they are made.
    void refuse(bool wanted);
    /// Ends all connections: with an orderly end, or with a reset.
    void cut();
    void reset();

    [[nodiscard]] totals seen();

private:
    struct parts;
    std::unique_ptr<parts> parts_;
};

}  // namespace bulkhead::testing
