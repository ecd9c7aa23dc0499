// SPDX-License-Identifier: Apache-2.0
// The storage of STORAGE_URL and the threads that read and write it. One for a program, made at its start;
// any reactor may use it. Stop it before the reactors.
#pragma once

#include "config/settings.hpp"
#include "observability/metrics.hpp"
#include "runtime/blocking_pool.hpp"
#include "storage/file_store.hpp"

namespace bulkhead::service {

class stored_files {
public:
    /// `callers`: who may wait for a call at the same time; more are refused. Throws std::runtime_error with
    /// a sentence for the operator when the folder cannot be used. `counts` must outlive this object.
    stored_files(const config::settings& from, metrics::registry& counts, std::size_t callers);

    [[nodiscard]] storage::store& store() noexcept { return files_; }
    void stop() { threads_.stop(); }

private:
    runtime::blocking_pool threads_;
    storage::file_store files_;
};

}  // namespace bulkhead::service
