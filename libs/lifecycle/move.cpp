// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/move.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lifecycle/credentials.hpp"
#include "lifecycle/dump.hpp"
#include "lifecycle/move_plan.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/saga.hpp"
#include "lifecycle/transaction.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::lifecycle {
namespace {

using namespace std::chrono_literals;
using tenancy::tenant;
using tenancy::tenant_status;

/// Bytes of a database per second of pause, on a slow and busy machine (tests/bench/move_clone measures it);
/// the catalogs of an empty one do not count.
constexpr std::int64_t copied_per_second = 15'000'000;
constexpr std::int64_t empty_database = 8'000'000;

result<std::string> started_at(postgres::session& server) {
    const auto found = run(server, "select extract(epoch from pg_postmaster_start_time())");
    if (!found) return std::unexpected(found.error());
    return std::string(found->text(0, 0));
}

/// Two names may lead to one server, where making the target would destroy the source.
result<void> check_target(postgres::session& source, postgres::session& target, const tenant& one) {
    const auto here = started_at(source), there = started_at(target);
    if (!here || !there) return std::unexpected(!here ? here.error() : there.error());
    if (*here == *there) return fail(errc::conflict, "the tenant is on this server already");
    const auto from = server_version(source), to = server_version(target);
    if (!from || !to) return std::unexpected(!from ? from.error() : to.error());
    const auto programs = find_dump_programs(major_version(*from));
    if (!programs) return std::unexpected(programs.error());
    if (major_version(*to) < programs->version)
        return fail_field("/server", "too_old",
                          fmt::format("it has PostgreSQL {}, and pg_dump {} cannot write for it",
                                      major_version(*to), programs->version));
    const auto taken =
        run(target, "select 1 from pg_database where datname = $1", {tenancy::database_name(one.id)});
    if (!taken) return std::unexpected(taken.error());
    if (taken->empty()) return {};
    return fail(errc::conflict, "that server has a database of this tenant already");
}

result<void> check_size(postgres::session& source, const tenant& one, std::chrono::milliseconds max_pause) {
    const auto found = run(source, "select pg_database_size($1)", {one.database});
    if (!found) return std::unexpected(found.error());
    const auto bytes = std::max<std::int64_t>(found->integer(0, 0) - empty_database, 0);
    const std::chrono::seconds expected(1 + bytes / copied_per_second);
    if (expected <= max_pause) return {};
    return fail_field("/max_pause", "too_short",
                      fmt::format("the tenant has {} MB, which may take {} s; allow it with --max-pause {}s",
                                  bytes / 1'000'000, expected.count(), expected.count()));
}

class move_of_tenant final : public saga {
public:
    move_of_tenant(site& at, move_plan plan, where_it_is now)
        : at_(at),
          plan_(std::move(plan)),
          arrived_(now == where_it_is::target),
          paused_(now == where_it_is::under_way),
          stop_(std::move(at.stop)) {
        // Whoever is asked to stop leaves no tenant paused: the copy is broken off and taken back first.
        at_.stop = [this] { return !paused_ && stop_ && stop_(); };
    }
    move_of_tenant(const move_of_tenant&) = delete;
    move_of_tenant& operator=(const move_of_tenant&) = delete;
    ~move_of_tenant() override { at_.stop = std::move(stop_); }

    std::vector<saga_step> steps() override {
        return {{"prepare", [this] { return arrived_ ? nothing() : prepare_target(at_, plan_); }},
                {"pause", [this] { return arrived_ ? nothing() : or_turn_back(pause()); }},
                {"copy", [this] { return arrived_ ? nothing() : or_turn_back(copy()); }},
                {"flip", [this] { return arrived_ ? nothing() : flip(); }},
                {"statistics", [this] { return refresh_statistics(at_, plan_); }},
                {"retire", [this] { return remove_source(at_, plan_); }}};
    }

    /// Nothing is taken back once the tenant lives at the target.
    std::vector<saga_step> undo() override {
        if (arrived_) return {};
        return {{"go on", [this] { return go_on(); }}, {"clean up", [this] { return clean_up(); }}};
    }

private:
    static result<void> nothing() { return {}; }

    /// A tenant is not kept waiting for a second attempt.
    static result<void> or_turn_back(result<void> done) {
        if (done) return done;
        auto& why = done.error();
        if (why.detail.empty()) why.detail = "a server did not do what was asked";
        why.detail += "; the tenant goes on where it was";
        why.code = errc::conflict;
        return done;
    }

    result<void> pause() {
        paused_ = true;
        if (auto begun = begin_pause(at_, plan_); !begun) return begun;
        return lock_source(at_, plan_);
    }

    result<void> copy() {
        const auto paused = time_paused(at_, plan_);
        if (!paused) return std::unexpected(paused.error());
        const auto left = plan_.max_pause - *paused;
        auto copied = left > 0ms ? copy_to_target(at_, plan_, left, stop_) : fail(errc::deadline_exceeded);
        if (!copied && copied.error().code == errc::deadline_exceeded)
            copied.error().detail =
                fmt::format("the copy took longer than {} s; allow more with --max-pause",
                            std::chrono::ceil<std::chrono::seconds>(plan_.max_pause).count());
        return copied;
    }

    /// A failure leaves open on which side the tenant is: the row knows.
    result<void> flip() {
        auto flipped = move_row(at_, plan_);
        arrived_ = flipped.has_value() ||
                   find_where(at_, plan_).value_or(where_it_is::source) == where_it_is::target;
        if (arrived_) paused_ = false;
        return flipped;
    }

    result<void> go_on() {
        if (auto done = go_on_at_source(at_, plan_); !done) return done;
        paused_ = false;
        return {};
    }

    /// One copy of the data remains: that which the row names.
    result<void> clean_up() {
        const auto now = find_where(at_, plan_);
        if (!now) return std::unexpected(now.error());
        return *now == where_it_is::target ? remove_source(at_, plan_) : remove_target(at_, plan_);
    }

    site& at_;
    const move_plan plan_;
    bool arrived_;
    bool paused_;
    std::function<bool()> stop_;  // the site's own
};

/// In the open transaction: the state cannot change before it is recorded that work is under way.
result<operation> record_move(site& at, const tenant& one, const move_plan& plan) {
    const auto state = run(at.control(), "select status from tenants where id = $1 for update", {one.id});
    if (!state) return std::unexpected(state.error());
    if (state->empty()) return fail(errc::tenant_unknown);
    if (state->text(0, 0) != "active" && state->text(0, 0) != "suspended")
        return fail(errc::conflict, fmt::format("the tenant is {}", state->text(0, 0)));
    auto begun = begin_operation(at, operation_kind::move, one.id, one.slug, plan.to_json());
    if (!begun) return begun;
    if (auto noted = audit(at, "tenant.move", one.id, one.slug,
                           {{"from", plan.source_server}, {"to", plan.target_server}});
        !noted)
        return std::unexpected(std::move(noted.error()));
    return begun;
}

}  // namespace

result<operation> begin_move(site& at, std::string_view slug, std::string_view target_server,
                             std::chrono::milliseconds max_pause) {
    const auto found = tenancy::find_tenant(at.control(), slug);
    if (!found) return std::unexpected(found.error());
    if (!*found) return fail(errc::tenant_unknown);
    const auto& one = **found;
    if (one.server.name == target_server) return fail(errc::conflict, "the tenant is on this server already");
    const auto source = at.server(one.server.name);
    if (!source) return std::unexpected(source.error());
    const auto target = at.server(target_server);
    if (!target && target.error().code == errc::not_found)
        return fail_field("/server", "unknown", "there is no such server");
    if (!target) return std::unexpected(target.error());
    if (auto good = check_target(**source, **target, one); !good)
        return std::unexpected(std::move(good.error()));
    if (auto fits = check_size(**source, one, max_pause); !fits)
        return std::unexpected(std::move(fits.error()));
    const auto plan = make_plan(at, one, target_server, max_pause);
    transaction all(at.control());
    if (!all.begun()) return std::unexpected(all.begun().error());
    auto begun = record_move(at, one, plan);
    if (!begun) return begun;
    if (auto done = all.commit(); !done) return std::unexpected(std::move(done.error()));
    return begun;
}

result<operation> continue_move(site& at, const operation& begun) {
    if (begun.finished()) return begun;
    auto plan = read_plan(begun);
    if (!plan) return std::unexpected(std::move(plan.error()));
    const auto now = find_where(at, *plan);
    if (!now) return std::unexpected(now.error());
    move_of_tenant how(at, *std::move(plan), *now);
    return run_saga(at, begun, how);
}

}  // namespace bulkhead::lifecycle
