// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/work.hpp"

#include <exception>

#include "lifecycle/clone.hpp"
#include "lifecycle/creation.hpp"
#include "lifecycle/import.hpp"
#include "lifecycle/move.hpp"
#include "lifecycle/removal.hpp"
#include "observability/log.hpp"

namespace bulkhead::lifecycle {

result<operation> continue_work(site& at, const operation& begun) {
    switch (begun.kind) {
        case operation_kind::create: return continue_creation(at, begun);
        case operation_kind::remove: return continue_removal(at, begun);
        case operation_kind::undelete: return continue_undelete(at, begun);
        case operation_kind::purge: return continue_purge(at, begun);
        case operation_kind::clone: return continue_clone(at, begun);
        case operation_kind::import: return continue_import(at, begun);
        case operation_kind::move: return continue_move(at, begun);
    }
    return fail(errc::internal);
}

namespace {

/// A record that makes us throw must not keep us from the others.
result<operation> try_to_continue(site& at, const operation& one) {
    try {
        return continue_work(at, one);
    } catch (const std::exception& bug) {
        log::error("work that was left behind threw",
                   {{"operation", one.id.to_string()}, {"reason", bug.what()}});
        return fail(errc::internal);
    }
}

}  // namespace

result<std::size_t> continue_abandoned_work(site& at, std::chrono::milliseconds quiet,
                                            const std::function<bool()>& stop) {
    const auto left = quiet_operations(at, quiet);
    if (!left) return std::unexpected(left.error());
    std::size_t ended = 0;
    for (const auto& one : *left) {
        if (stop && stop()) break;
        const auto done = try_to_continue(at, one);
        if (!done && done.error().code == errc::conflict) continue;  // somebody is at it
        if (!done && !at.control().is_open()) return std::unexpected(done.error());
        if (!done) continue;  // one that cannot go on now must not keep the others
        log::info("work that was left behind was continued", {{"operation", kind_name(done->kind)},
                                                              {"tenant", done->slug},
                                                              {"state", state_name(done->state)}});
        ended += done->finished() ? 1 : 0;
    }
    return ended;
}

result<std::size_t> purge_what_is_due(site& at, const std::function<bool()>& stop) {
    const auto due = due_for_purge(at);
    if (!due) return std::unexpected(due.error());
    std::size_t begun = 0;
    for (const auto& tenant : *due) {
        if (stop && stop()) break;
        const auto purge = begin_due_purge(at, tenant);
        // Brought back, or begun by another process, since we looked.
        if (!purge && (purge.error().code == errc::conflict || purge.error().code == errc::tenant_unknown))
            continue;
        if (!purge) return std::unexpected(purge.error());
        ++begun;
        if (const auto done = continue_work(at, *purge); !done && done.error().code != errc::conflict)
            return std::unexpected(done.error());
    }
    return begun;
}

}  // namespace bulkhead::lifecycle
