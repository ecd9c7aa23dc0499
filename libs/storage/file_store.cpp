// SPDX-License-Identifier: Apache-2.0
#include "storage/file_store.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>

#include <exception>

#include "observability/log.hpp"

namespace bulkhead::storage {
namespace {

constexpr std::size_t piece_size = 256 * 1024;  // collected before a thread is asked to write it

metrics::counter& bytes(metrics::registry& registry, std::string_view direction) {
    return registry.add_counter("bulkhead_storage_bytes_total", "Bytes of stored objects written and read",
                                metrics::label("direction", direction));
}

metrics::counter& failures(metrics::registry& registry, std::string_view kind) {
    return registry.add_counter("bulkhead_storage_failures_total", "Calls to the storage that failed",
                                metrics::label("kind", kind));
}

}  // namespace

class file_store::writer final : public object_writer {
public:
    writer(file_store& in, executor where, object_key key, std::shared_ptr<staged_file> file)
        : store_(in), where_(std::move(where)), key_(std::move(key)), file_(std::move(file)) {}
    ~writer() override { store_.close_elsewhere(where_, std::move(file_)); }
    writer(const writer&) = delete;
    writer& operator=(const writer&) = delete;

    awaitable<result<void>> append(std::string_view piece) override {
        collected_ += piece;
        if (collected_.size() < piece_size) co_return result<void>{};
        auto work = [this] { return write(); };
        co_return co_await store_.run(std::move(work));
    }

    awaitable<result<std::uint64_t>> commit() override {
        auto work = [this]() -> file_result<std::uint64_t> {
            if (auto ok = write(); !ok) return std::unexpected(std::move(ok).error());
            if (auto ok = store_.tree_.publish(*file_, key_); !ok)
                return std::unexpected(std::move(ok).error());
            return file_->size();
        };
        co_return co_await store_.run(std::move(work), false);
    }

private:
    file_result<> write() {
        auto ok = file_->write(collected_);
        if (ok) store_.written_.add(collected_.size());
        collected_.clear();
        return ok;
    }

    file_store& store_;
    executor where_;
    object_key key_;
    std::shared_ptr<staged_file> file_;
    std::string collected_{};
};

class file_store::reader final : public object_reader {
public:
    reader(file_store& in, executor where, opened_file file)
        : store_(in), where_(std::move(where)), file_(std::make_shared<opened_file>(std::move(file))) {}
    ~reader() override { store_.close_elsewhere(where_, std::move(file_)); }
    reader(const reader&) = delete;
    reader& operator=(const reader&) = delete;

    [[nodiscard]] std::uint64_t size() const noexcept override { return file_->size; }

    awaitable<result<std::string>> read(std::uint64_t offset, std::size_t most) override {
        auto work = [this, offset, most] { return file_->read(offset, most); };
        auto piece = co_await store_.run(std::move(work));
        if (piece) store_.read_.add(piece->size());
        co_return piece;
    }

private:
    file_store& store_;
    executor where_;
    std::shared_ptr<opened_file> file_;
};

file_store::file_store(file_tree tree, runtime::blocking_pool& threads, metrics::registry& registry)
    : tree_(std::move(tree)),
      threads_(threads),
      written_(bytes(registry, "written")),
      read_(bytes(registry, "read")),
      full_(failures(registry, "full")),
      denied_(failures(registry, "denied")),
      failed_(failures(registry, "failed")) {
    registry.add_gauge_sampler("bulkhead_storage_queue", "Calls to the storage that wait for a thread",
                               [&threads] { return static_cast<double>(threads.waiting()); });
}

template <class F>
auto file_store::run(F work, bool may_be_absent)
    -> awaitable<result<typename std::invoke_result_t<F>::value_type>> {
    auto done = co_await threads_.run(std::move(work));
    if (!done) co_return std::unexpected(std::move(done).error());
    if (!*done) co_return std::unexpected(tell(done->error(), may_be_absent));
    using value = typename std::invoke_result_t<F>::value_type;
    if constexpr (std::is_void_v<value>)
        co_return result<void>{};
    else
        co_return result<value>(**std::move(done));
}

template <class T>
void file_store::close_elsewhere(const executor& where, std::shared_ptr<T> object) noexcept {
    const auto close = [](runtime::blocking_pool& threads, std::shared_ptr<T> last) -> awaitable<void> {
        // Refused when the pool is full or has stopped: then it is closed here after all.
        auto work = [&last] {
            last.reset();
            return true;
        };
        (void)co_await threads.run(std::move(work));
    };
    try {
        // An exception of it, too, closes the object here.
        net::co_spawn(where, close(threads_, std::move(object)), net::detached);
    } catch (const std::exception&) {  // no memory: it is closed here
    }
}

error file_store::tell(const file_failure& failure, bool may_be_absent) {
    const auto kind = failure.kind();
    if (kind == "absent" && may_be_absent) return failure.to_error();
    (kind == "full" ? full_ : kind == "denied" ? denied_ : failed_).add();
    log::error("the storage failed", {{"kind", kind}, {"reason", failure.text()}});
    if (kind == "absent") return {.code = errc::unavailable, .detail = "the storage failed"};
    return failure.to_error();
}

awaitable<result<std::unique_ptr<object_writer>>> file_store::create(object_key key) {
    const auto where = co_await net::this_coro::executor;
    auto work = [this] { return tree_.stage(); };
    auto file = co_await run(std::move(work), false);
    if (!file) co_return std::unexpected(std::move(file).error());
    co_return std::make_unique<writer>(*this, where, std::move(key), *std::move(file));
}

awaitable<result<std::unique_ptr<object_reader>>> file_store::open(object_key key) {
    const auto where = co_await net::this_coro::executor;
    auto work = [this, &key] { return tree_.open(key); };
    auto file = co_await run(std::move(work));
    if (!file) co_return std::unexpected(std::move(file).error());
    co_return std::make_unique<reader>(*this, where, *std::move(file));
}

awaitable<result<void>> file_store::remove(object_key key) {
    auto work = [this, &key] { return tree_.remove(key); };
    co_return co_await run(std::move(work));
}

awaitable<result<void>> file_store::remove_all(uuid tenant) {
    auto work = [this, tenant] { return tree_.remove_all(tenant); };
    co_return co_await run(std::move(work));
}

awaitable<result<std::size_t>> file_store::sweep(std::chrono::seconds age) {
    auto work = [this, age] { return tree_.sweep(age); };
    co_return co_await run(std::move(work));
}

}  // namespace bulkhead::storage
