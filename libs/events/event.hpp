// SPDX-License-Identifier: Apache-2.0
// What webhooks can listen for. The spellings are the same in the API, in messages and in databases, and are
// never changed. Values, safe anywhere.
#pragma once

#include <array>
#include <type_traits>

#include "schema/enumeration.hpp"

namespace bulkhead::events {

enum class event { task_created, task_updated, task_deleted, user_created };
constexpr auto spellings_of(std::type_identity<event>) {
    using spelling = schema::spelling<event>;
    return std::array{
        spelling{event::task_created, "task.created"}, spelling{event::task_updated, "task.updated"},
        spelling{event::task_deleted, "task.deleted"}, spelling{event::user_created, "user.created"}};
}

}  // namespace bulkhead::events
