// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/office.hpp"

namespace bulkhead::lifecycle {
namespace {

/// A session that has rested for longer is not worth its place on the server.
constexpr std::chrono::seconds longest_rest{60};
/// After this, the server may have gone without our hearing of it.
constexpr std::chrono::seconds trusted{1};

}  // namespace

office::office(runtime::blocking_pool& threads, const postgres::conninfo& control, const sealed_box& box,
               const migrations::migration_set& schema, site_settings settings)
    : threads_(threads), control_(control), box_(box), schema_(schema), settings_(std::move(settings)) {}

office::~office() = default;

office::desk::desk(postgres::session session, const office& of)
    : control(std::move(session)), at(control, of.control_, of.box_, of.schema_, of.settings_) {
    at.stop = [&of] { return of.closed_.load(); };
}

result<office::desk_pointer> office::take() {
    while (auto rested = take_idle())
        if (steady_clock::now() - rested->used < trusted || rested->control.run("select 1")) return rested;
    auto control = connect(control_);
    if (!control) return std::unexpected(std::move(control.error()));
    return std::make_unique<desk>(*std::move(control), *this);
}

office::desk_pointer office::take_idle() {
    const std::lock_guard lock(mutex_);
    const auto since = steady_clock::now() - longest_rest;
    std::erase_if(idle_, [since](const desk_pointer& one) { return one->used < since; });
    if (idle_.empty()) return nullptr;
    auto last = std::move(idle_.back());
    idle_.pop_back();
    return last;
}

void office::give_back(desk_pointer seat) {
    // In doubt (a connection that broke, a transaction that was left open) the session goes.
    if (!seat->control.is_open() || seat->control.in_transaction()) return;
    seat->used = steady_clock::now();
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(seat));
}

}  // namespace bulkhead::lifecycle
