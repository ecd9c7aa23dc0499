// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/inquiry.hpp"

#include <utility>

namespace bulkhead::redis {

redis_inquiry::redis_inquiry(executor where, redis_endpoint way, redis_connection_limits limits)
    : executor_(where), way_(std::move(way)), tls_(way_.tls_ca_file), limits_(limits) {}

awaitable<std::expected<redis_inquiry::answer, std::string>> redis_inquiry::ask(
    std::vector<redis_address> servers, std::vector<std::string> question, judge is_usable) {
    std::string problem = "there is nobody to ask";
    for (auto& server : servers) {
        if (cancelled_) break;
        const auto endpoint = way_.at(server);
        current_ =
            std::make_shared<redis_connection>(executor_, endpoint, tls_, limits_, redis_questions{question});
        const bool opened = co_await current_->open();
        if (!opened) {
            problem = to_text(server) + ": " + current_->why_closed();
            continue;
        }
        auto reply = current_->answers().front();
        current_->close("it has answered");
        auto complaint = is_usable(reply);
        if (complaint.empty()) co_return answer{std::move(server), std::move(reply)};
        problem = to_text(server) + ' ' + complaint;
    }
    co_return std::unexpected(std::move(problem));
}

void redis_inquiry::cancel() {
    cancelled_ = true;
    if (current_) current_->close("the client was stopped");
}

}  // namespace bulkhead::redis
