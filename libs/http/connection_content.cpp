// SPDX-License-Identifier: Apache-2.0
// The part of a connection that sends content which is read while it is sent. Its head is queued already.
#include <algorithm>
#include <utility>

#include "http/connection.hpp"
#include "http/content_source.hpp"
#include "http/server.hpp"
#include "observability/log.hpp"

namespace bulkhead::http {
namespace {

constexpr std::size_t piece_to_send = 64 * 1024;  // smaller ones are sent together

}  // namespace

/// False: it could not all be sent; nothing more may be written. What is left in the end goes out with
/// whatever is queued next.
awaitable<bool> connection::send_content() {
    const auto source = std::exchange(content_, nullptr);
    const auto& bounds = server_.options_.bounds;
    auto left = source->size();
    const auto until = steady_clock::now() + bounds.write_absolute_timeout +
                       std::chrono::milliseconds{left * 1000 / bounds.content_rate};
    while (left > 0) {
        enter(phase::serving, never);
        const auto piece = co_await source->next();
        if (!piece || piece->empty() || piece->size() > left) {
            log::error("an answer was cut short: its content could not be read",
                       {{"request_id", request_id_},
                        {"reason", piece ? "it is not as long as it was" : piece.error().detail}});
            reset();
            co_return false;
        }
        left -= piece->size();
        output_ += *piece;
        if (output_.size() >= piece_to_send && !co_await flush(until)) co_return false;
    }
    co_return true;
}

}  // namespace bulkhead::http
