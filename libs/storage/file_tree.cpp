// SPDX-License-Identifier: Apache-2.0
#include "storage/file_tree.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <ctime>
#include <filesystem>
#include <system_error>

#include "base/fail_point.hpp"

namespace bulkhead::storage {
namespace {

using runtime::descriptor;

constexpr auto staging_name = ".staging";
constexpr mode_t folder_mode = 0700, file_mode = 0600;
constexpr int folder_flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

/// The folder `name` in `parent`, made if it is missing and that is wanted. A new name is on the disk before
/// anything is put behind it.
file_result<descriptor> enter(int parent, const std::string& name, bool make) {
    if (make) {
        const bool made = ::mkdirat(parent, name.c_str(), folder_mode) == 0;
        if (!made && errno != EEXIST) return file_failure::now("make the folder", name);
        if (made && ::fsync(parent) != 0) return file_failure::now("sync the folder of", name);
    }
    descriptor folder(::openat(parent, name.c_str(), folder_flags));
    if (!folder) return file_failure::now("open the folder", name);
    return folder;
}

bool is_old(const struct stat& file, std::chrono::seconds age) {
    return std::time(nullptr) - file.st_mtim.tv_sec >= age.count();
}

}  // namespace

file_result<> staged_file::write(std::string_view bytes) {
    while (!bytes.empty()) {
        const auto count = ::write(file_.get(), bytes.data(), bytes.size());
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return file_failure::now("write", name_);
        bytes.remove_prefix(static_cast<std::size_t>(count));
        size_ += static_cast<std::uint64_t>(count);
    }
    return {};
}

void staged_file::discard() noexcept {
    if (file_ && !published_) (void)::unlinkat(staging_, name_.c_str(), 0);
    file_.close();
}

file_result<std::string> opened_file::read(std::uint64_t offset, std::size_t most) const {
    std::string out;
    if (offset >= size) return out;
    out.resize(static_cast<std::size_t>(std::min<std::uint64_t>(most, size - offset)));
    std::size_t done = 0;
    while (done < out.size()) {
        const auto count =
            ::pread(file.get(), out.data() + done, out.size() - done, static_cast<off_t>(offset + done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return file_failure::now("read", "a file");
        if (count == 0) break;
        done += static_cast<std::size_t>(count);
    }
    out.resize(done);
    return out;
}

file_result<file_tree> file_tree::open_root(const std::string& given) {
    std::error_code failed;
    const std::string path = std::filesystem::absolute(given, failed);
    if (!failed) std::filesystem::create_directories(std::filesystem::path(path).parent_path(), failed);
    if (failed) return std::unexpected(file_failure{failed.value(), "make the folder of", path});
    if (::mkdir(path.c_str(), folder_mode) != 0 && errno != EEXIST)
        return file_failure::now("make the folder", path);
    // The operator may have made the root a symbolic link: only below it none is followed.
    descriptor root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) return file_failure::now("open the folder", path);
    auto staging = enter(root.get(), staging_name, true);
    if (!staging) {
        staging.error().path = path + '/' + staging_name;
        return std::unexpected(std::move(staging).error());
    }
    file_tree out(path, std::move(root), *std::move(staging));
    if (auto probe = out.stage(); !probe) return std::unexpected(std::move(probe).error());
    return out;
}

file_result<file_tree> file_tree::open_existing(const std::string& given) {
    std::error_code failed;
    const std::string path = std::filesystem::absolute(given, failed);
    if (failed) return std::unexpected(file_failure{failed.value(), "find", given});
    descriptor root(::open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!root) return file_failure::now("open the folder", path);
    auto staging = enter(root.get(), staging_name, false);
    if (!staging) return std::unexpected(std::move(staging).error());
    return file_tree(path, std::move(root), *std::move(staging));
}

file_result<std::unique_ptr<staged_file>> file_tree::stage() const {
    auto name = uuid::generate().to_string();
    descriptor file(::openat(staging_.get(), name.c_str(),
                             O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file_mode));
    if (!file) return file_failure::now("make a file in", path_ + '/' + staging_name);
    auto out = std::make_unique<staged_file>(staging_.get(), std::move(name), std::move(file));
    if (::flock(out->file_.get(), LOCK_EX | LOCK_NB) != 0) return file_failure::now("lock", out->name_);
    return out;
}

file_result<> file_tree::publish(staged_file& file, const object_key& key) const {
    fail_point("storage.written");
    if (::fsync(file.file_.get()) != 0) return file_failure::now("sync", key.text());
    fail_point("storage.synced");
    const auto folder = parent_of(key, true);
    if (!folder) return std::unexpected(folder.error());
    fail_point("storage.folder");
    const auto& name = key.segments().back();
    if (::renameat(staging_.get(), file.name_.c_str(), folder->get(), name.c_str()) != 0)
        return file_failure::now("rename to", key.text());
    file.published_ = true;
    fail_point("storage.renamed");
    if (::fsync(folder->get()) != 0) return file_failure::now("sync the folder of", key.text());
    file.discard();
    return {};
}

file_result<descriptor> file_tree::parent_of(const object_key& key, bool make) const {
    auto folder = enter(root_.get(), key.tenant().to_string(), make);
    for (std::size_t i = 0; folder && i + 1 < key.segments().size(); ++i)
        folder = enter(folder->get(), key.segments()[i], make);
    if (!folder) folder.error().path = key.text();
    return folder;
}

file_result<opened_file> file_tree::open(const object_key& key) const {
    const auto folder = parent_of(key, false);
    if (!folder) return std::unexpected(folder.error());
    // O_NONBLOCK: what is no file, a pipe say, must not keep us waiting.
    opened_file out{.file = descriptor(::openat(folder->get(), key.segments().back().c_str(),
                                                O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC))};
    struct stat about {};
    if (!out.file || ::fstat(out.file.get(), &about) != 0) return file_failure::now("open", key.text());
    if (!S_ISREG(about.st_mode)) return std::unexpected(file_failure{ENOENT, "open", key.text()});
    out.size = static_cast<std::uint64_t>(about.st_size);
    return out;
}

file_result<> file_tree::remove(const object_key& key) const {
    const auto folder = parent_of(key, false);
    if (!folder && folder.error().kind() == "absent") return {};
    if (!folder) return std::unexpected(folder.error());
    if (::unlinkat(folder->get(), key.segments().back().c_str(), 0) != 0) {
        if (errno == ENOENT) return {};
        return file_failure::now("remove", key.text());
    }
    if (::fsync(folder->get()) != 0) return file_failure::now("sync the folder of", key.text());
    return {};
}

file_result<> file_tree::remove_all(const uuid& tenant) const {
    const auto name = tenant.to_string(), prefix = name + '.', grave = prefix + uuid::generate().to_string();
    if (::renameat(root_.get(), name.c_str(), staging_.get(), grave.c_str()) == 0) {
        if (::fsync(root_.get()) != 0) return file_failure::now("sync the folder of", name);
        fail_point("storage.buried");
    } else if (errno != ENOENT) {
        return file_failure::now("remove", name);
    }
    return empty_graves(prefix);
}

file_result<> file_tree::empty_graves(const std::string& prefix) const {
    std::error_code failed;
    std::filesystem::directory_iterator entry(staged_path(""), failed);
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed))
        if (entry->path().filename().string().starts_with(prefix)) {
            std::filesystem::remove_all(entry->path(), failed);
            if (failed) break;
        }
    if (failed) return std::unexpected(file_failure{failed.value(), "remove", staging_name});
    return {};
}

file_result<std::size_t> file_tree::sweep(std::chrono::seconds age) const {
    std::error_code failed;
    std::filesystem::directory_iterator entry(staged_path(""), failed);
    std::size_t removed = 0;
    for (; !failed && entry != std::filesystem::directory_iterator(); entry.increment(failed))
        if (sweep_one(entry->path().filename(), age)) ++removed;
    if (failed) return std::unexpected(file_failure{failed.value(), "list", staging_name});
    return removed;
}

std::string file_tree::staged_path(const std::string& name) const {
    return path_ + '/' + staging_name + '/' + name;
}

bool file_tree::sweep_one(const std::string& name, std::chrono::seconds age) const {
    struct stat about {};
    if (::fstatat(staging_.get(), name.c_str(), &about, AT_SYMLINK_NOFOLLOW) != 0 || !is_old(about, age))
        return false;
    if (S_ISDIR(about.st_mode)) {  // of a tenant that was removed: whoever is at it does not mind help
        std::error_code failed;
        std::filesystem::remove_all(staged_path(name), failed);
        return !failed;
    }
    const descriptor file(
        ::openat(staging_.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (!file || ::flock(file.get(), LOCK_EX | LOCK_NB) != 0) return false;  // gone, or somebody writes
    return ::unlinkat(staging_.get(), name.c_str(), 0) == 0;
}

}  // namespace bulkhead::storage
