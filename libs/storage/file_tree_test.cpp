// SPDX-License-Identifier: Apache-2.0
#include "storage/file_tree.hpp"

#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <fstream>

#include "base/testing/catch.hpp"
#include "base/testing/certificates.hpp"
#include "base/testing/dies_at.hpp"

using namespace bulkhead;
using namespace bulkhead::storage;
using namespace std::chrono_literals;
namespace fs = std::filesystem;
using bulkhead::testing::dies_at;
using bulkhead::testing::temporary_folder;

namespace {

struct fixture {
    temporary_folder folder;
    std::string root = folder.path() + "/a/storage";
    file_tree tree = file_tree::open_root(root).value();
    uuid tenant = uuid::generate();

    [[nodiscard]] object_key key(std::string name) const {
        return object_key::make(tenant, {"exports", "2026", std::move(name)}).value();
    }
    void put(const object_key& at, std::string_view content) const {
        auto file = tree.stage().value();
        REQUIRE(file->write(content));
        REQUIRE(tree.publish(*file, at));
    }
    [[nodiscard]] std::string content(const object_key& at) const {
        const auto file = tree.open(at);
        return file ? file->read(0, 1 << 20).value() : "(" + std::string(file.error().kind()) + ")";
    }
    [[nodiscard]] std::size_t staged() const {
        return static_cast<std::size_t>(std::distance(fs::directory_iterator(root + "/.staging"), {}));
    }
};

mode_t mode_of(const std::string& path) {
    struct stat about {};
    REQUIRE(::lstat(path.c_str(), &about) == 0);
    return about.st_mode & 07777;
}

/// Of files that this process writes, for one test. SIGXFSZ is off meanwhile, as on the threads of a pool.
class file_size_limit {
public:
    explicit file_size_limit(rlim_t bytes) {
        ::getrlimit(RLIMIT_FSIZE, &before_);
        rlimit now = before_;
        now.rlim_cur = bytes;
        ::setrlimit(RLIMIT_FSIZE, &now);
        handler_ = std::signal(SIGXFSZ, SIG_IGN);
    }
    ~file_size_limit() {
        ::setrlimit(RLIMIT_FSIZE, &before_);
        std::signal(SIGXFSZ, handler_);
    }
    file_size_limit(const file_size_limit&) = delete;
    file_size_limit& operator=(const file_size_limit&) = delete;

private:
    rlimit before_{};
    void (*handler_)(int) = nullptr;
};

}  // namespace

TEST_CASE("file tree: written, read, replaced, removed", "[storage]") {
    const fixture f;
    const auto at = f.key("tasks.csv");
    CHECK(f.content(at) == "(absent)");
    f.put(at, "first");
    CHECK(f.content(at) == "first");
    const auto old = f.tree.open(at).value();
    f.put(at, "the second");
    CHECK(f.content(at) == "the second");
    CHECK(old.read(0, 100).value() == "first");
    REQUIRE(f.tree.remove(at));
    CHECK(f.content(at) == "(absent)");
    CHECK(old.read(2, 2).value() == "rs");
    CHECK(f.tree.remove(at));
    CHECK(f.tree.remove(object_key::make(uuid::generate(), {"a"}).value()));
    CHECK(f.staged() == 0);
}

TEST_CASE("file tree: ranges", "[storage]") {
    const fixture f;
    f.put(f.key("a"), "0123456789");
    const auto file = f.tree.open(f.key("a")).value();
    CHECK(file.size == 10);
    CHECK(file.read(0, 4).value() == "0123");
    CHECK(file.read(8, 4).value() == "89");
    CHECK(file.read(10, 4).value().empty());
    CHECK(file.read(~std::uint64_t{0}, 4).value().empty());
    f.put(f.key("empty"), "");
    CHECK(f.tree.open(f.key("empty"))->size == 0);
}

TEST_CASE("file tree: nobody else may read", "[storage]") {
    const auto before = ::umask(0);
    const fixture f;
    f.put(f.key("a"), "a");
    ::umask(before);
    const auto home = "/" + f.tenant.to_string();
    for (const auto& folder : std::vector<std::string>{"", "/.staging", home, home + "/exports"})
        CHECK(mode_of(f.root + folder) == 0700);
    CHECK(mode_of(f.root + "/" + f.key("a").text()) == 0600);
}

TEST_CASE("file tree: what is being written is not seen, and given up leaves nothing", "[storage]") {
    const fixture f;
    {
        auto file = f.tree.stage().value();
        REQUIRE(file->write("half"));
        CHECK(f.staged() == 1);
        CHECK_FALSE(fs::exists(f.root + "/" + f.tenant.to_string()));
    }
    CHECK(f.staged() == 0);
}

TEST_CASE("file tree: killed anywhere, an object is there as a whole or not at all", "[storage]") {
    const fixture f;
    const auto at = f.key("tasks.csv");
    const std::string whole(300'000, 'x');
    const auto write_it = [&] {
        auto file = f.tree.stage().value();
        (void)file->write(whole);
        (void)f.tree.publish(*file, at);
    };
    for (const bool replaces : {false, true})
        for (const std::string where :
             {"storage.written", "storage.synced", "storage.folder", "storage.renamed"}) {
            CAPTURE(where, replaces);
            if (replaces)
                f.put(at, "old");
            else
                (void)f.tree.remove(at);
            REQUIRE(dies_at(where, write_it));
            const bool done = where == "storage.renamed";
            CHECK(f.content(at) == (done ? whole : replaces ? "old" : "(absent)"));
            CHECK(f.staged() == (done ? 0 : 1));
            CHECK(f.tree.sweep(1h).value() == 0);
            CHECK(f.tree.sweep(0s).value() == (done ? 0 : 1));
            CHECK(f.staged() == 0);
            f.put(at, "again");
            CHECK(f.content(at) == "again");
        }
}

TEST_CASE("file tree: a sweep leaves alone what is being written", "[storage]") {
    const fixture f;
    auto file = f.tree.stage().value();
    REQUIRE(file->write("half"));
    CHECK(f.tree.sweep(0s).value() == 0);
    const auto another = file_tree::open_root(f.root).value();  // as another process has it
    CHECK(another.sweep(0s).value() == 0);
    REQUIRE(file->write(", whole"));
    REQUIRE(f.tree.publish(*file, f.key("a")));
    CHECK(f.content(f.key("a")) == "half, whole");
}

TEST_CASE("file tree: everything of a tenant", "[storage]") {
    const fixture f;
    const auto other = object_key::make(uuid::generate(), {"a"}).value();
    f.put(f.key("a"), "a");
    f.put(f.key("b"), "b");
    f.put(other, "other");
    REQUIRE(f.tree.remove_all(f.tenant));
    CHECK(f.content(f.key("a")) == "(absent)");
    CHECK_FALSE(fs::exists(f.root + "/" + f.tenant.to_string()));
    CHECK(f.content(other) == "other");
    CHECK(f.staged() == 0);
    CHECK(f.tree.remove_all(f.tenant));
    f.put(f.key("a"), "anew");
    REQUIRE(dies_at("storage.buried", [&] { (void)f.tree.remove_all(f.tenant); }));
    CHECK(f.content(f.key("a")) == "(absent)");
    CHECK(f.staged() == 1);
    auto unfinished = f.tree.stage().value();  // of another tenant, for all that is known
    CHECK(f.tree.remove_all(f.tenant));
    CHECK(f.staged() == 1);
    unfinished->discard();
    f.put(f.key("a"), "once more");
    REQUIRE(dies_at("storage.buried", [&] { (void)f.tree.remove_all(f.tenant); }));
    CHECK(f.tree.sweep(0s).value() == 1);
    CHECK(f.staged() == 0);
}

TEST_CASE("file tree: one that is there, and no other", "[storage]") {
    const fixture f;
    f.put(f.key("a"), "a");
    CHECK(file_tree::open_existing(f.root).value().open(f.key("a")));
    const auto elsewhere = f.root + "/nowhere";
    CHECK(file_tree::open_existing(elsewhere).error().kind() == "absent");
    CHECK_FALSE(fs::exists(elsewhere));
    fs::create_directory(elsewhere);
    CHECK(file_tree::open_existing(elsewhere).error().kind() == "absent");
    CHECK(fs::is_empty(elsewhere));
}

TEST_CASE("file tree: links lead nowhere", "[storage]") {
    const fixture f;
    f.put(f.key("a"), "a");
    const auto home = f.root + "/" + f.tenant.to_string();
    std::ofstream(f.folder.path() + "/secret") << "secret";
    fs::create_symlink(f.folder.path() + "/secret", home + "/exports/2026/link");
    fs::create_directory_symlink(f.folder.path(), home + "/out");
    const auto through = object_key::make(f.tenant, {"out", "secret"}).value();
    CHECK(f.content(f.key("link")) == "(absent)");
    CHECK(f.content(through) == "(absent)");
    auto file = f.tree.stage().value();
    REQUIRE(file->write("x"));
    CHECK_FALSE(f.tree.publish(*file, through));
    CHECK(f.tree.remove(through));
    CHECK(fs::exists(f.folder.path() + "/secret"));
    fs::create_directory(home + "/exports/2026/folder");
    CHECK(f.content(f.key("folder")) == "(absent)");
    REQUIRE(::mkfifo((home + "/exports/2026/pipe").c_str(), 0600) == 0);
    CHECK(f.content(f.key("pipe")) == "(absent)");
}

TEST_CASE("file tree: no room", "[storage]") {
    const fixture f;
    auto file = f.tree.stage().value();
    {
        const file_size_limit limit(100'000);
        const auto failed = file->write(std::string(150'000, 'x'));
        REQUIRE_FALSE(failed);
        CHECK(failed.error().kind() == "full");
        CHECK(failed.error().to_error().code == errc::unavailable);
        CHECK(failed.error().to_error().detail == "the storage is full");
    }
    file.reset();
    CHECK(f.staged() == 0);
}

TEST_CASE("file tree: roots that cannot be used say why", "[storage]") {
    const temporary_folder folder;
    std::ofstream(folder.path() + "/file") << "x";
    const auto below_file = file_tree::open_root(folder.path() + "/file/storage");
    REQUIRE_FALSE(below_file);
    CHECK(below_file.error().text().find("Not a directory") != std::string::npos);
    CHECK_FALSE(file_tree::open_root(folder.path() + "/file"));
    const auto nowhere = file_tree::open_root("/proc/bulkhead");
    REQUIRE_FALSE(nowhere);
    CHECK(nowhere.error().text().find("/proc/bulkhead") != std::string::npos);
    if (::geteuid() != 0) {  // root may write anywhere
        fs::create_directory(folder.path() + "/closed");
        fs::permissions(folder.path() + "/closed", fs::perms::owner_read | fs::perms::owner_exec);
        CHECK(file_tree::open_root(folder.path() + "/closed").error().kind() == "denied");
    }
}

TEST_CASE("file failure: what numbers mean", "[storage]") {
    const auto kind = [](int number) { return std::string(file_failure{.number = number}.kind()); };
    for (const int number : {ENOSPC, EDQUOT, EFBIG}) CHECK(kind(number) == "full");
    for (const int number : {EACCES, EPERM, EROFS}) CHECK(kind(number) == "denied");
    for (const int number : {ENOENT, ENOTDIR, ELOOP}) CHECK(kind(number) == "absent");
    for (const int number : {EIO, ENOMEM, EMFILE, ENFILE, ESTALE}) CHECK(kind(number) == "failed");
    const file_failure absent{.number = ENOENT, .doing = "open", .path = "a/b"};
    CHECK(absent.to_error().code == errc::not_found);
    CHECK(absent.text() == "open a/b: No such file or directory");
    const file_failure denied{.number = EROFS, .doing = "rename to", .path = "a/b"};
    CHECK(denied.to_error().code == errc::unavailable);
    CHECK(denied.to_error().detail.find("a/b") == std::string::npos);
}
