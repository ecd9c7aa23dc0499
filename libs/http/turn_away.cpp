// SPDX-License-Identifier: Apache-2.0
#include "http/turn_away.hpp"

#include <linux/filter.h>
#include <sys/socket.h>

#include <array>

namespace bulkhead::http {

void turn_new_clients_away(int listener) noexcept {
    constexpr unsigned flags_at = 13, syn = 0x02, ack = 0x10;  // RFC 9293 section 3.1
    constexpr unsigned everything = 0xffff'ffff, nothing = 0;
    // The filter sees segments from their TCP header on.
    std::array<sock_filter, 5> program{{
        {BPF_LD | BPF_B | BPF_ABS, 0, 0, flags_at},
        {BPF_ALU | BPF_AND | BPF_K, 0, 0, syn | ack},
        {BPF_JMP | BPF_JEQ | BPF_K, 0, 1, syn},
        {BPF_RET | BPF_K, 0, 0, nothing},
        {BPF_RET | BPF_K, 0, 0, everything},
    }};
    const sock_fprog filter{program.size(), program.data()};
    // Unknown to the system: clients are turned away a little less gently.
    static_cast<void>(::setsockopt(listener, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter));
}

}  // namespace bulkhead::http
