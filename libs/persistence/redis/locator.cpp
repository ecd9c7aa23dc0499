// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/locator.hpp"

#include <algorithm>
#include <charconv>
#include <utility>

namespace bulkhead::redis {
namespace {

/// The address in [host, port], both as text.
std::optional<redis_address> address_in(const redis_reply& reply) {
    const auto* parts = reply.elements();
    if (!parts || parts->size() != 2) return std::nullopt;
    const auto host = (*parts)[0].text().value_or("");
    const auto port = (*parts)[1].text().value_or("");
    redis_address out{std::string(host), 0};
    const auto [end, failed] = std::from_chars(port.data(), port.data() + port.size(), out.port);
    if (host.empty() || failed != std::errc{} || end != port.data() + port.size()) return std::nullopt;
    return out;
}

std::string complain_about_primary(const redis_reply& reply) {
    if (const auto* refusal = reply.error()) return "refused to name the primary: " + refusal->message;
    if (reply.is_nil()) return "does not know the service";
    return address_in(reply) ? "" : "does not answer as a sentinel does";
}

redis_endpoint way_to_sentinels(const redis_endpoint& from) {
    return {.user = from.sentinel_user,
            .password = from.sentinel_password,
            .tls = from.tls,
            .tls_ca_file = from.tls_ca_file};
}

}  // namespace

redis_locator::redis_locator(executor where, const redis_endpoint& endpoint, redis_connection_limits limits,
                             std::optional<std::uint16_t> slot)
    : endpoint_(endpoint), slot_(slot) {
    if (endpoint.by_sentinel()) sentinels_.emplace(where, way_to_sentinels(endpoint), limits);
    if (endpoint.is_cluster() && slot) cluster_.emplace(where, endpoint, limits);
}

awaitable<std::expected<redis_endpoint, std::string>> redis_locator::find() {
    if (sentinels_) co_return co_await find_primary();
    if (cluster_) co_return co_await find_owner();
    if (endpoint_.is_cluster()) co_return endpoint_.at(seeds_in_turn().front());
    co_return endpoint_;
}

awaitable<std::expected<redis_endpoint, std::string>> redis_locator::find_primary() {
    std::vector<std::string> question{"SENTINEL", "GET-MASTER-ADDR-BY-NAME", endpoint_.service};
    const auto answer =
        co_await sentinels_->ask(seeds_in_turn(), std::move(question), complain_about_primary);
    if (!answer) co_return std::unexpected("no sentinel names the primary: " + answer.error());
    // Who has answered is asked first from now on.
    const auto at = std::ranges::find(endpoint_.seeds, answer->of);
    turn_ = static_cast<std::size_t>(at - endpoint_.seeds.begin());
    co_return endpoint_.at(*address_in(answer->reply));
}

awaitable<std::expected<redis_endpoint, std::string>> redis_locator::find_owner() {
    const auto ranges = co_await cluster_->ask();
    if (!ranges) co_return std::unexpected(ranges.error());
    for (const auto& range : *ranges)
        if (range.first <= *slot_ && *slot_ <= range.last) co_return endpoint_.at(range.primary);
    co_return std::unexpected("no node of the cluster serves slot " + std::to_string(*slot_));
}

std::vector<redis_address> redis_locator::seeds_in_turn() const {
    auto out = endpoint_.seeds;
    std::ranges::rotate(out, out.begin() + static_cast<std::ptrdiff_t>(turn_ % out.size()));
    return out;
}

void redis_locator::cancel() {
    if (sentinels_) sentinels_->cancel();
    if (cluster_) cluster_->cancel();
}

}  // namespace bulkhead::redis
