// SPDX-License-Identifier: Apache-2.0
#include "queue/dispatch_wire.hpp"

#include <algorithm>
#include <array>
#include <limits>

#include "base/crypto.hpp"

namespace bulkhead::queue::wire {
namespace {

constexpr unsigned kept_flag = 1, unique_flag = 2, unwanted_flag = 8;
constexpr std::uint64_t counts_flag = 1, ran_flag = 2;
constexpr std::size_t head_size = 29;
constexpr std::uint64_t longest_time = (std::uint64_t{1} << 48) - 1;  // what six bytes hold; 8900 years of ms
constexpr std::uint64_t longest_delay = std::uint64_t{100} * 366 * 86'400'000;
constexpr std::uint64_t longest_run = std::uint64_t{30} * 86'400 * 1'000'000;
constexpr std::size_t longest_text = 200;  // of notes and reasons

void append(std::string& out, std::uint64_t number, unsigned bytes) {
    for (unsigned i = 0; i < bytes; ++i) out += static_cast<char>(number >> 8 * i & 0xFF);
}

std::uint64_t number_at(std::string_view text, std::size_t at, unsigned bytes) {
    std::uint64_t out = 0;
    for (unsigned i = bytes; i-- > 0;) out = out << 8 | static_cast<unsigned char>(text[at + i]);
    return out;
}

template <class Duration>
std::uint64_t bounded(Duration time, std::uint64_t most) {
    return std::min(static_cast<std::uint64_t>(std::max<std::int64_t>(time.count(), 0)), most);
}

/// A prefix that does not end within a character (UTF-8).
std::string_view shortened(std::string_view text) {
    if (text.size() <= longest_text) return text;
    auto end = longest_text;
    while (end > 0 && (static_cast<unsigned char>(text[end]) & 0xC0) == 0x80) --end;
    return text.substr(0, end);
}

const redis::redis_reply::array* elements(const redis::redis_reply& reply, std::size_t count) {
    const auto* const out = reply.elements();
    return out && out->size() == count ? out : nullptr;
}

std::optional<std::int64_t> number_within(const redis::redis_reply& reply, std::int64_t least,
                                          std::int64_t most) {
    const auto out = reply.integer();
    if (!out || *out < least || *out > most) return std::nullopt;
    return out;
}

constexpr auto any_number = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t any_time = longest_time;

std::optional<std::vector<uuid>> read_ids(const redis::redis_reply& reply) {
    const auto* const all = reply.elements();
    if (!all) return std::nullopt;
    std::vector<uuid> out;
    out.reserve(all->size());
    for (const auto& one : *all) {
        const auto id = read_id(one.text().value_or(""));
        if (!id) return std::nullopt;
        out.push_back(*id);
    }
    return out;
}

/// id, job, id, job …
std::optional<std::vector<delivery>> read_jobs(const redis::redis_reply& reply, place from,
                                               std::int64_t now) {
    const auto* const all = reply.elements();
    if (!all || all->size() % 2 != 0) return std::nullopt;
    std::vector<delivery> out;
    out.reserve(all->size() / 2);
    for (std::size_t i = 0; i < all->size(); i += 2) {
        auto one = read_job((*all)[i].text().value_or(""), (*all)[i + 1].text().value_or(""), from, now);
        if (!one) return std::nullopt;
        out.push_back(std::move(*one));
    }
    return out;
}

}  // namespace

std::string id_bytes(const uuid& id) { return {id.bytes.begin(), id.bytes.end()}; }

std::optional<uuid> read_id(std::string_view bytes) noexcept {
    uuid out;
    if (bytes.size() != out.bytes.size()) return std::nullopt;
    std::ranges::copy(bytes, out.bytes.begin());
    return out;
}

std::string owner_tag(std::string_view owner) { return sha256(owner).to_string().substr(0, 8); }

result<> check_ticket(const ticket& one) {
    if (auto good = check_kind_name(one.kind); !good) return good;
    if (one.unique_key.size() > longest_unique_key)
        return fail_field("/unique_key", "too_long", "at most 200 bytes");
    if (one.payload && one.payload->size() > longest_redis_payload)
        return fail_field("/payload", "too_long", "at most 8 KiB for a job that is kept in Redis");
    return {};
}

std::string pack_ticket(const ticket& one) {
    const bool unique = one.payload && !one.unique_key.empty();
    std::string out;
    out.reserve(32 + one.kind.size() + one.unique_key.size() + (one.payload ? one.payload->size() : 0));
    append(out, (one.payload ? kept_flag : 0) | (unique ? unique_flag : 0), 1);
    append(out, static_cast<std::uint64_t>(one.priority), 1);
    append(out, std::min(one.most_attempts, 65'535u), 2);
    append(out, bounded(one.delay, longest_delay), 6);
    out.append(one.tenant.bytes.begin(), one.tenant.bytes.end());
    append(out, one.kind.size(), 1);
    out += one.kind;
    append(out, unique ? one.unique_key.size() : 0, 1);
    if (unique) out += one.unique_key;
    if (one.payload) out += *one.payload;
    return out;
}

std::string pack_settlement(const settlement& one) {
    std::string out;
    append(out, static_cast<std::uint64_t>(one.what), 1);
    append(out, (one.counts ? counts_flag : 0) | (one.ran ? ran_flag : 0), 1);
    append(out, bounded(one.took, longest_run), 6);
    append(out, bounded(one.delay, longest_delay), 6);
    out += shortened(one.reason);
    return out;
}

std::string pack_progress(const job_progress& one) {
    std::string out;
    append(out, one.percent ? std::min(*one.percent, 100u) : 255, 1);
    out += shortened(one.note);
    return out;
}

std::optional<delivery> read_job(std::string_view id, std::string_view job, place from, std::int64_t now) {
    constexpr std::size_t kind_at = head_size + 16;
    const auto job_id = read_id(id);
    if (!job_id || job.size() < kind_at + 2) return std::nullopt;
    const auto priority = number_at(job, 1, 1);
    const auto kind_size = number_at(job, kind_at, 1);
    const auto unique_at = kind_at + 1 + kind_size;
    if (priority >= priorities || unique_at >= job.size()) return std::nullopt;
    const auto payload_at = unique_at + 1 + number_at(job, unique_at, 1);
    if (payload_at > job.size()) return std::nullopt;
    delivery out;
    out.id = *job_id;
    out.tenant = *read_id(job.substr(head_size, 16));
    out.from = from;
    out.kind = job.substr(kind_at + 1, kind_size);
    if (!check_kind_name(out.kind)) return std::nullopt;
    out.priority = static_cast<queue::priority>(priority);
    out.lost = static_cast<unsigned>(number_at(job, 2, 1));
    out.attempt = static_cast<unsigned>(number_at(job, 5, 2)) + 1;
    out.most_attempts = static_cast<unsigned>(number_at(job, 7, 2));
    out.waited = std::chrono::milliseconds(
        std::max<std::int64_t>(0, now - static_cast<std::int64_t>(number_at(job, 9, 6))));
    const auto flags = number_at(job, 3, 1);
    out.unwanted = (flags & unwanted_flag) != 0;
    if (flags & kept_flag) out.payload = job.substr(payload_at);
    return out;
}

std::optional<std::vector<push_outcome>> read_push(const redis::redis_reply& reply, std::size_t tickets) {
    const auto* const all = elements(reply, tickets);
    if (!all) return std::nullopt;
    std::vector<push_outcome> out;
    out.reserve(tickets);
    for (const auto& one : *all) {
        const auto number = number_within(one, 0, 3);
        if (!number) return std::nullopt;
        out.push_back(static_cast<push_outcome>(*number));
    }
    return out;
}

std::optional<dispatch::turn> read_turn(const redis::redis_reply& reply, place from) {
    const auto* const parts = elements(reply, 5);
    if (!parts) return std::nullopt;
    const auto now = number_within((*parts)[0], 0, any_time);
    const auto stale = number_within((*parts)[1], 0, 1'000'000);
    const auto next = number_within((*parts)[2], -1, any_time);
    auto want_more = read_ids((*parts)[3]);
    if (!now || !stale || !next || !want_more) return std::nullopt;
    auto begun = read_jobs((*parts)[4], from, *now);
    if (!begun) return std::nullopt;
    dispatch::turn out{.deliveries = std::move(*begun),
                       .stale = static_cast<unsigned>(*stale),
                       .want_more = std::move(*want_more)};
    if (*next >= 0) out.next = std::chrono::milliseconds(*next);
    return out;
}

std::optional<beat_news> read_beat(const redis::redis_reply& reply) {
    const auto* const parts = elements(reply, 2);
    if (!parts) return std::nullopt;
    auto lost = read_ids((*parts)[0]);
    auto cancelled = read_ids((*parts)[1]);
    if (!lost || !cancelled) return std::nullopt;
    return beat_news{std::move(*lost), std::move(*cancelled)};
}

std::optional<dispatch::reaped> read_reap(const redis::redis_reply& reply, place from) {
    const auto* const parts = elements(reply, 3);
    if (!parts) return std::nullopt;
    const auto returned = number_within((*parts)[0], 0, 1'000'000);
    auto poison = read_jobs((*parts)[1], from, 0);
    auto cancelled = read_ids((*parts)[2]);
    if (!returned || !poison || !cancelled) return std::nullopt;
    return dispatch::reaped{static_cast<unsigned>(*returned), std::move(*poison), std::move(*cancelled)};
}

std::optional<cancel_outcome> read_cancel(const redis::redis_reply& reply) {
    const auto number = number_within(reply, 0, 2);
    if (!number) return std::nullopt;
    return static_cast<cancel_outcome>(*number);
}

std::optional<dispatch::numbers> read_count(const redis::redis_reply& reply) {
    const auto* const parts = elements(reply, 7);
    if (!parts) return std::nullopt;
    std::array<std::uint64_t, 7> all{};
    for (std::size_t i = 0; i < all.size(); ++i) {
        const auto number = number_within((*parts)[i], 0, any_number);
        if (!number) return std::nullopt;
        all[i] = static_cast<std::uint64_t>(*number);
    }
    return dispatch::numbers{
        all[0], all[1], all[2], all[3], all[4], all[5], std::chrono::milliseconds(all[6])};
}

std::optional<dispatch::explanation> read_explain(const redis::redis_reply& reply) {
    const auto* const parts = elements(reply, 7);
    if (!parts) return std::nullopt;
    const auto state = (*parts)[0].text();
    const auto position = number_within((*parts)[1], 0, any_number);
    const auto ahead = number_within((*parts)[2], 0, any_number);
    const auto parked = number_within((*parts)[3], 0, 3);
    const auto wait = number_within((*parts)[4], -1, any_time);
    const auto percent = number_within((*parts)[5], 0, 255);
    const auto note = (*parts)[6].text();
    if (!state || !position || !ahead || !parked || !wait || !percent || !note) return std::nullopt;
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> states{
        {{"", "unknown"}, {"w", "waiting"}, {"d", "delayed"}, {"a", "running"}, {"D", "dead"}}};
    const auto named =
        std::ranges::find(states, *state, &std::pair<std::string_view, std::string_view>::first);
    if (named == states.end()) return std::nullopt;
    dispatch::explanation out;
    out.state = named->second;
    out.position = static_cast<std::uint64_t>(*position);
    out.tenants_ahead = static_cast<std::uint64_t>(*ahead);
    out.parked = *parked == 2 ? "cap" : *parked == 3 ? "rate" : "";
    out.until = std::chrono::milliseconds(std::max<std::int64_t>(*wait, 0));
    if (*percent <= 100) out.percent = static_cast<unsigned>(*percent);
    out.note = *note;
    return out;
}

std::optional<progress> read_purge(const redis::redis_reply& reply) {
    const auto* const parts = elements(reply, 3);
    if (!parts) return std::nullopt;
    const auto done = number_within((*parts)[0], 0, any_number);
    const auto next = number_within((*parts)[1], 0, 100);
    const auto cursor = (*parts)[2].text();
    if (!done || !next || !cursor) return std::nullopt;
    return progress{.done = static_cast<std::uint64_t>(*done),
                    .next_step = static_cast<unsigned>(*next),
                    .cursor = std::string(*cursor)};
}

std::optional<progress> read_check(const redis::redis_reply& reply) {
    const auto* const parts = elements(reply, 3);
    if (!parts) return std::nullopt;
    const auto* const lines = (*parts)[0].elements();
    const auto next = number_within((*parts)[1], 0, 100);
    const auto cursor = (*parts)[2].text();
    if (!lines || !next || !cursor) return std::nullopt;
    progress out{.next_step = static_cast<unsigned>(*next), .cursor = std::string(*cursor)};
    for (const auto& line : *lines) {
        const auto text = line.text();
        if (!text) return std::nullopt;
        out.lines.emplace_back(*text);
    }
    return out;
}

}  // namespace bulkhead::queue::wire
