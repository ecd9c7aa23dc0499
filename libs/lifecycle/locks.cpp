// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/locks.hpp"

#include <fmt/format.h>

#include <cstring>

#include "base/crypto.hpp"
#include "observability/log.hpp"
#include "persistence/postgres/sqlstate.hpp"

namespace bulkhead::lifecycle {
namespace {

std::int64_t key_of(std::string_view name) {
    const auto digest = sha256(fmt::format("bulkhead {}", name));
    std::int64_t key = 0;
    std::memcpy(&key, digest.view().data(), sizeof key);
    return key;
}

}  // namespace

result<migrations::advisory_lock> lock_by_name(const site& at, std::string_view name,
                                               std::chrono::milliseconds patience) {
    auto taken = migrations::advisory_lock::take(at.control(), key_of(name), patience);
    if (taken) return *std::move(taken);
    if (taken.error().kind == migrations::failure_kind::locked)
        return fail(errc::conflict, "another process is working on this");
    log::error("a lock cannot be taken", {{"lock", name}, {"reason", taken.error().message}});
    return std::unexpected(postgres::to_error(at.control().last_sqlstate()));
}

}  // namespace bulkhead::lifecycle
