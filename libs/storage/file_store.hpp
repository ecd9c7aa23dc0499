// SPDX-License-Identifier: Apache-2.0
// The store of STORAGE_URL=file://folder: a file_tree whose blocking calls run on the threads of a pool. Any
// reactor may call. Pool and registry outlive the store, and the store what it opened; stop the pool before
// the reactors.
#pragma once

#include "observability/metrics.hpp"
#include "runtime/blocking_pool.hpp"
#include "storage/file_tree.hpp"
#include "storage/store.hpp"

namespace bulkhead::storage {

class file_store final : public store {
public:
    /// See file_tree::open_root: for the start of a program, and on its thread.
    file_store(file_tree tree, runtime::blocking_pool& threads, metrics::registry& registry);

    awaitable<result<std::unique_ptr<object_writer>>> create(object_key key) override;
    awaitable<result<std::unique_ptr<object_reader>>> open(object_key key) override;
    awaitable<result<void>> remove(object_key key) override;
    awaitable<result<void>> remove_all(uuid tenant) override;
    awaitable<result<std::size_t>> sweep(std::chrono::seconds age) override;

private:
    class writer;
    class reader;

    /// Runs `work()`, which gives a file_result, on a thread of the pool.
    template <class F>
    auto run(F work, bool may_be_absent = true)
        -> awaitable<result<typename std::invoke_result_t<F>::value_type>>;
    /// Lets a thread of the pool close what a reactor is done with, without waiting for that.
    template <class T>
    void close_elsewhere(const executor& where, std::shared_ptr<T> object) noexcept;
    /// `may_be_absent`: that there is no such file is an answer; else a folder of ours is gone.
    error tell(const file_failure& failure, bool may_be_absent);

    file_tree tree_;
    runtime::blocking_pool& threads_;
    metrics::counter &written_, &read_;
    metrics::counter &full_, &denied_, &failed_;
};

}  // namespace bulkhead::storage
