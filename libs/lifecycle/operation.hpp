// SPDX-License-Identifier: Apache-2.0
// The record of long work on a tenant, in the control database: what was asked for, how far it is, how it
// ended. A program that dies leaves its record behind, and another one goes on from there. Blocking; one
// thread at a time.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.hpp"
#include "base/uuid.hpp"
#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

enum class operation_kind { create, clone, import, move, remove, undelete, purge };
enum class operation_state { pending, running, undoing, succeeded, failed };

/// As they stand in the table; `remove` is "delete".
[[nodiscard]] std::string_view kind_name(operation_kind kind) noexcept;
[[nodiscard]] std::string_view state_name(operation_state state) noexcept;

struct operation {
    uuid id;
    operation_kind kind = operation_kind::create;
    uuid tenant;
    std::string slug;
    operation_state state = operation_state::pending;
    std::string step;  // the last one that is done
    int attempt = 0;
    json::object input{};
    json::object progress{};
    std::string error{};  // for people; empty unless it failed
    std::string actor{};
    std::string created_at{};  // RFC 3339
    std::string updated_at{};
    std::string finished_at{};  // empty until then

    [[nodiscard]] bool finished() const noexcept {
        return state == operation_state::succeeded || state == operation_state::failed;
    }
};

/// SQL: no work on the tenant of the row `t` is under way.
inline constexpr std::string_view nothing_unfinished =
    "not exists (select 1 from operations o where o.tenant_id = t.id and o.finished_at is null)";

result<std::optional<operation>> find_operation(const site& at, const uuid& id);

/// The unfinished work on a tenant.
result<std::optional<operation>> current_operation(const site& at, const uuid& tenant);

/// Unfinished work that nobody has touched for `quiet`, doubled for each attempt after the first; oldest
/// first. Whether somebody still holds it only its lock tells.
result<std::vector<operation>> quiet_operations(const site& at, std::chrono::milliseconds quiet);

/// Writes a new record. errc::conflict when other work on the tenant is not finished. Runs within the
/// transaction that is open, so that the record appears together with what it begins.
result<operation> begin_operation(const site& at, operation_kind kind, const uuid& tenant,
                                  std::string_view slug, json::object input, json::object progress = {},
                                  std::string_view step = "");

/// Counts the attempt and says that the work runs, before it does: what kills its process every time must not
/// be tried for ever. The record of finished work as it is; errc::not_found without a record. The caller
/// holds the lock.
result<operation> begin_attempt(const site& at, const uuid& id);

/// Saves state, step, attempt, progress and error. At the end `input` is emptied of what is no longer needed.
result<void> save_operation(const site& at, operation& changed);

}  // namespace bulkhead::lifecycle
