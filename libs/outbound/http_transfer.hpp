// SPDX-License-Identifier: Apache-2.0
// One POST over a connection of its own to addresses that were checked, by libcurl. Blocks: for a thread of a
// pool. Used once.
#pragma once

#include <functional>
#include <span>

#include "outbound/curl_handle.hpp"
#include "outbound/http_message.hpp"
#include "outbound/target.hpp"
#include "outbound/trust_store.hpp"

namespace bulkhead::outbound {

struct transfer_limits {
    std::chrono::milliseconds connect{5'000};  // TCP and TLS
    std::chrono::milliseconds whole{20'000};   // from the first packet to the last
    std::size_t body = 16 * 1024;              // bytes of an answer that are kept; more ends the transfer
    std::size_t head = 32 * 1024;              // more is no answer; of all heads, 1xx included
};

class http_transfer {
public:
    /// All but `limits` must outlive this object.
    http_transfer(const url& target, std::span<const ip_address> pinned, const target_rules& rules,
                  const trust_store& trust, const transfer_limits& limits);
    http_transfer(const http_transfer&) = delete;
    http_transfer& operator=(const http_transfer&) = delete;

    /// `go_on` is asked at least once a second, and ends the transfer when it says no.
    http_outcome post(const http_request& request, std::function<bool()> go_on);

private:
    void set_up_connection();
    void set_up_answer();
    [[nodiscard]] ending judge(CURLcode done) const;
    void read_answer(http_outcome& out);

    static curl_socket_t open_socket(void* self, curlsocktype purpose, curl_sockaddr* wanted) noexcept;
    static int before_request(void* self, char* peer, char* own, int peer_port, int own_port) noexcept;
    static std::size_t on_head(char* text, std::size_t size, std::size_t count, void* self) noexcept;
    static std::size_t on_body(char* text, std::size_t size, std::size_t count, void* self) noexcept;
    static int on_progress(void* self, curl_off_t, curl_off_t, curl_off_t, curl_off_t) noexcept;

    const url& target_;
    std::span<const ip_address> pinned_;
    pinned_addresses may_connect_;
    transfer_limits limits_;
    curl_list pins_;
    curl_list lines_;
    std::function<bool()> go_on_;
    http_outcome answer_;
    std::size_t head_bytes_ = 0;
    curl_handle easy_;  // last: it points to all of the above
};

}  // namespace bulkhead::outbound
