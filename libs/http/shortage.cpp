// SPDX-License-Identifier: Apache-2.0
#include "http/shortage.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <string_view>
#include <utility>

#include "observability/log.hpp"

namespace bulkhead::http {
namespace {

constexpr std::chrono::milliseconds bearable{500};
constexpr std::size_t most_turned_away = 64;  // at a time; the reactor has other work

}  // namespace

void shortage::begin(const error_code& why) {
    if (since_) return;
    since_ = steady_clock::now();
    log::warn("cannot accept connections", {{"reason", std::string_view(why.message())}});
}

void shortage::end() {
    if (reserved_ < 0) reserve();
    if (!since_) return;
    const auto lasted = steady_clock::now() - *std::exchange(since_, std::nullopt);
    log::info("connections are accepted again",
              {{"after_ms", std::chrono::duration_cast<std::chrono::milliseconds>(lasted).count()}});
}

bool shortage::lasts() const noexcept { return since_ && steady_clock::now() - *since_ > bearable; }

std::size_t shortage::turn_away(tcp_acceptor& from) {
    std::size_t count = 0;
    error_code ec;
    from.non_blocking(true, ec);
    while (count < most_turned_away && !ec) {
        release();
        {
            tcp_socket refused(from.get_executor());
            from.accept(refused, ec);
            if (!ec) ++count;
        }
        reserve();
    }
    return count;
}

void shortage::reserve() { reserved_ = ::open("/dev/null", O_RDONLY | O_CLOEXEC); }

void shortage::release() {
    if (reserved_ >= 0) ::close(std::exchange(reserved_, -1));
}

}  // namespace bulkhead::http
