// SPDX-License-Identifier: Apache-2.0
#include "queue/schedule.hpp"

#include <openssl/evp.h>

#include <algorithm>
#include <array>
#include <deque>
#include <span>
#include <stdexcept>

namespace bulkhead::queue {
namespace {

using namespace std::chrono;

/// A slot that nobody was late for: workers look every second, and a moment may pass in between.
constexpr seconds in_time{90};
/// Slots that are looked at, however long nobody was there: five days of minutes.
constexpr std::size_t most_looked_at = 7'200;

/// Where in its period a tenant's slot is.
seconds offset_of(const schedule& of, const uuid& tenant, seconds period) {
    const auto id = named_uuid(tenant, of.name);
    std::uint64_t number = 0;
    for (const auto byte : std::span(id.bytes).first(6)) number = number << 8 | byte;
    return seconds(static_cast<std::int64_t>(number % static_cast<std::uint64_t>(period.count())));
}

}  // namespace

uuid named_uuid(const uuid& space, std::string_view name) {
    std::string text(space.bytes.begin(), space.bytes.end());
    text += name;
    std::array<unsigned char, 20> digest{};
    std::size_t size = 0;
    // Names need no strength, and the RFC says SHA-1.
    if (EVP_Q_digest(nullptr, "SHA1", nullptr, text.data(), text.size(), digest.data(), &size) != 1)
        throw std::runtime_error("OpenSSL computes no SHA-1");
    uuid out;
    std::copy_n(digest.begin(), out.bytes.size(), out.bytes.begin());
    out.bytes[6] = static_cast<std::uint8_t>((out.bytes[6] & 0x0f) | 0x50);
    out.bytes[8] = static_cast<std::uint8_t>((out.bytes[8] & 0x3f) | 0x80);
    return out;
}

utc_time next_slot(const schedule& of, const uuid& tenant, utc_time moment) {
    if (const auto* const expression = std::get_if<cron_expression>(&of.when))
        return expression->next(moment);
    const auto period = std::get<every>(of.when).period;
    const auto offset = offset_of(of, tenant, period);
    const auto since = floor<seconds>(moment).time_since_epoch() - offset;
    const auto passed = since.count() / period.count() - (since.count() % period.count() < 0 ? 1 : 0);
    return utc_time(seconds((passed + 1) * period.count()) + offset);
}

std::vector<utc_time> due_slots(const schedule& of, const uuid& tenant, utc_time last, utc_time now) {
    std::deque<utc_time> due;
    const std::size_t most = of.missed == catch_up::all ? std::max(1U, of.most_missed) : 1;
    auto slot = next_slot(of, tenant, last);
    for (std::size_t looked = 0; slot <= now && looked < most_looked_at; ++looked) {
        due.push_back(slot);
        if (due.size() > most) due.pop_front();
        slot = next_slot(of, tenant, slot);
    }
    if (slot <= now) {  // nobody was there for very long: on from a moment ago
        const auto recent = std::max(last, now - duration_cast<microseconds>(hours(24)));
        return due_slots(of, tenant, recent, now);
    }
    if (of.missed == catch_up::skip && !due.empty() && due.back() < now - in_time) due.clear();
    return {due.begin(), due.end()};
}

new_job job_of_slot(const schedule& of, const uuid& tenant, utc_time slot) {
    auto out = of.what;
    out.id = named_uuid(tenant, of.name + ' ' + to_rfc3339(slot));
    out.run_at = slot;
    return out;
}

}  // namespace bulkhead::queue
