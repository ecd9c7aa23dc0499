// SPDX-License-Identifier: Apache-2.0
// Which files of exports a tenant may have in the storage. A file is noted before it comes into being and
// struck out after it has gone, so that none is ever forgotten, whatever dies in between. Statements only;
// belongs to one reactor.
#pragma once

#include <chrono>
#include <vector>

#include "base/uuid.hpp"
#include "persistence/postgres/database.hpp"
#include "storage/object_key.hpp"

namespace bulkhead::exports {

/// Where the file is. Never fails for ids.
[[nodiscard]] storage::object_key key_of(const uuid& tenant, const uuid& file);

class file_ledger {
public:
    explicit file_ledger(postgres::database db) : db_(std::move(db)) {}

    awaitable<result<>> note(uuid file, uuid export_id) const;
    /// Of a file that is gone, or never was.
    awaitable<result<>> strike_out(uuid file) const;

    /// Forgets exports whose time is over; how many there were.
    awaitable<result<std::int64_t>> forget_expired() const;
    /// At most `most` files that no export has. `age`: longer than any run may take, which may be about to
    /// finish its file.
    awaitable<result<std::vector<uuid>>> left_over(std::chrono::seconds age, int most) const;

private:
    postgres::database db_;
};

}  // namespace bulkhead::exports
