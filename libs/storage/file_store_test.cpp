// SPDX-License-Identifier: Apache-2.0
#include "storage/file_store.hpp"

#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>

#include <filesystem>
#include <fstream>
#include <future>

#include "base/testing/catch.hpp"
#include "base/testing/certificates.hpp"
#include "runtime/reactor.hpp"

using namespace bulkhead;
using namespace bulkhead::storage;
using namespace std::chrono_literals;
namespace fs = std::filesystem;

namespace {

struct fixture {
    testing::temporary_folder folder;
    metrics::registry registry;
    runtime::blocking_pool threads;
    file_store files;
    runtime::reactor reactor{"test"};
    uuid tenant = uuid::generate();
    object_key key = object_key::make(tenant, {"exports", "tasks.csv"}).value();

    explicit fixture(std::size_t queue = 16)
        : threads("storage", 1, queue),
          files(file_tree::open_root(folder.path()).value(), threads, registry) {
        reactor.start();
    }
    ~fixture() {
        threads.stop();
        reactor.stop();
        reactor.join();
    }

    template <class T>
    T wait(awaitable<T> work) {
        return net::co_spawn(reactor.get_executor(), std::move(work), net::use_future).get();
    }
    [[nodiscard]] std::size_t staged() const {
        return static_cast<std::size_t>(
            std::distance(fs::directory_iterator(folder.path() + "/.staging"), {}));
    }
    [[nodiscard]] bool shows(std::string_view line) const {
        return registry.render().find(line) != std::string::npos;
    }
};

/// Lines of 100 bytes, one append each, as an export writes them.
awaitable<result<std::uint64_t>> write_lines(store& to, object_key key, int count) {
    auto made = co_await to.create(std::move(key));
    if (!made) co_return std::unexpected(made.error());
    const auto& writer = *made;
    const auto line = std::string(99, 'x') + '\n';
    for (int i = 0; i < count; ++i) {
        const auto ok = co_await writer->append(line);
        if (!ok) co_return std::unexpected(ok.error());
    }
    co_return co_await writer->commit();
}

awaitable<result<std::string>> read_all(store& from, object_key key, std::size_t piece) {
    auto opened = co_await from.open(std::move(key));
    if (!opened) co_return std::unexpected(opened.error());
    const auto& reader = *opened;
    std::string all;
    for (;;) {
        const auto next = co_await reader->read(all.size(), piece);
        if (!next) co_return std::unexpected(next.error());
        if (next->empty()) break;
        all += *next;
    }
    if (all.size() != reader->size()) co_return fail(errc::internal, "another size");
    co_return all;
}

/// Writes a megabyte and gives up.
awaitable<result<void>> give_up(store& to, object_key key) {
    auto made = co_await to.create(std::move(key));
    if (!made) co_return std::unexpected(made.error());
    const std::string piece(1 << 20, 'x');
    co_return co_await (*made)->append(piece);
}

}  // namespace

TEST_CASE("file store: written and read in pieces", "[storage]") {
    fixture f;
    CHECK(f.wait(f.files.open(f.key)).error().code == errc::not_found);
    CHECK(f.wait(write_lines(f.files, f.key, 10'000)).value() == 1'000'000);
    const auto all = f.wait(read_all(f.files, f.key, 64 * 1024)).value();
    CHECK(all.size() == 1'000'000);
    CHECK(all.substr(999'900) == std::string(99, 'x') + '\n');
    CHECK(f.shows("bulkhead_storage_bytes_total{direction=\"written\"} 1000000"));
    CHECK(f.shows("bulkhead_storage_bytes_total{direction=\"read\"} 1000000"));
    CHECK(f.wait(f.files.remove(f.key)));
    CHECK(f.wait(f.files.open(f.key)).error().code == errc::not_found);
    CHECK(f.shows("bulkhead_storage_failures_total{kind=\"failed\"} 0"));
}

TEST_CASE("file store: an empty object is one", "[storage]") {
    fixture f;
    CHECK(f.wait(write_lines(f.files, f.key, 0)).value() == 0);
    CHECK(f.wait(read_all(f.files, f.key, 10)).value().empty());
}

TEST_CASE("file store: a writer that is given up leaves nothing", "[storage]") {
    fixture f;
    CHECK(f.wait(give_up(f.files, f.key)));
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (f.staged() > 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    CHECK(f.staged() == 0);
    CHECK(f.wait(f.files.open(f.key)).error().code == errc::not_found);
}

TEST_CASE("file store: writers that outlive the pool close their files all the same", "[storage]") {
    fixture f;
    auto writer = f.wait(f.files.create(f.key)).value();
    auto reader = [&] {
        REQUIRE(f.wait(write_lines(f.files, f.key, 1)));
        return f.wait(f.files.open(f.key)).value();
    }();
    CHECK(f.staged() == 1);
    f.threads.stop();
    CHECK(f.wait(writer->append(std::string(1 << 20, 'x'))).error().code == errc::unavailable);
    CHECK(f.wait(reader->read(0, 1)).error().code == errc::unavailable);
    writer.reset();
    reader.reset();
    const auto until = std::chrono::steady_clock::now() + 20s;
    while (f.staged() > 0 && std::chrono::steady_clock::now() < until) std::this_thread::yield();
    CHECK(f.staged() == 0);
}

TEST_CASE("file store: a full storage", "[storage]") {
    fixture f;
    rlimit before{};
    ::getrlimit(RLIMIT_FSIZE, &before);
    rlimit small = before;
    small.rlim_cur = 400'000;
    ::setrlimit(RLIMIT_FSIZE, &small);  // the threads of the pool have SIGXFSZ blocked
    const auto failed = f.wait(write_lines(f.files, f.key, 10'000));
    ::setrlimit(RLIMIT_FSIZE, &before);
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == errc::unavailable);
    CHECK(failed.error().detail == "the storage is full");
    CHECK(f.shows("bulkhead_storage_failures_total{kind=\"full\"} 1"));
    CHECK(f.wait(f.files.open(f.key)).error().code == errc::not_found);
    CHECK(f.wait(write_lines(f.files, f.key, 10'000)).value() == 1'000'000);
}

TEST_CASE("file store: a folder of its own that is gone is a failure, not an answer", "[storage]") {
    fixture f;
    fs::remove_all(f.folder.path() + "/.staging");
    const auto failed = f.wait(write_lines(f.files, f.key, 1));
    REQUIRE_FALSE(failed);
    CHECK(failed.error().code == errc::unavailable);
    CHECK(f.shows("bulkhead_storage_failures_total{kind=\"failed\"} 1"));
}

TEST_CASE("file store: a tenant's objects, and leftovers", "[storage]") {
    fixture f;
    REQUIRE(f.wait(write_lines(f.files, f.key, 1)));
    CHECK(f.wait(f.files.remove_all(f.tenant)));
    CHECK(f.wait(f.files.open(f.key)).error().code == errc::not_found);
    std::ofstream(f.folder.path() + "/.staging/left") << "behind";
    CHECK(f.wait(f.files.sweep(1h)).value() == 0);
    CHECK(f.wait(f.files.sweep(0s)).value() == 1);
    CHECK(f.staged() == 0);
}
