// SPDX-License-Identifier: Apache-2.0
// Objects as files: <root>/<tenant>/<segment>/…, readable by their owner only. What is being written has a
// name in <root>/.staging and moves to its own when it is whole and on the disk. Paths are walked folder by
// folder from the root, no symbolic link is followed. Everything blocks; safe from any thread, and for
// several processes at once. The tree outlives what it opens.
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "runtime/child_process.hpp"
#include "storage/file_failure.hpp"
#include "storage/object_key.hpp"

namespace bulkhead::storage {

/// A file in .staging. Locked as long as this object lives, so that others can see that somebody is at it.
class staged_file {
public:
    staged_file(int staging, std::string name, runtime::descriptor file)
        : staging_(staging), name_(std::move(name)), file_(std::move(file)) {}
    ~staged_file() { discard(); }
    staged_file(const staged_file&) = delete;
    staged_file& operator=(const staged_file&) = delete;

    file_result<> write(std::string_view bytes);
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }
    /// Closes it, and removes it unless it was published.
    void discard() noexcept;

private:
    friend class file_tree;
    int staging_;  // the tree's
    std::string name_;
    runtime::descriptor file_;
    std::uint64_t size_ = 0;
    bool published_ = false;
};

struct opened_file {
    runtime::descriptor file;
    std::uint64_t size = 0;

    /// At most `most` bytes; fewer only at the end of the file.
    [[nodiscard]] file_result<std::string> read(std::uint64_t offset, std::size_t most) const;
};

class file_tree {
public:
    /// Makes the folders that are missing (0700), and tries whether files can be made there.
    static file_result<file_tree> open_root(const std::string& path);
    /// Makes nothing: "absent" unless somebody has used it as a storage before.
    static file_result<file_tree> open_existing(const std::string& path);

    [[nodiscard]] file_result<std::unique_ptr<staged_file>> stage() const;
    /// On the disk, under its name; replaces what had it. `file` is closed then.
    file_result<> publish(staged_file& file, const object_key& key) const;
    [[nodiscard]] file_result<opened_file> open(const object_key& key) const;
    /// Of an absent object: nothing.
    [[nodiscard]] file_result<> remove(const object_key& key) const;
    /// Out of reach at once, then gone; also what a call that was cut short has left.
    [[nodiscard]] file_result<> remove_all(const uuid& tenant) const;
    /// What is in .staging, that nobody works on and that is at least so old; how many there were.
    [[nodiscard]] file_result<std::size_t> sweep(std::chrono::seconds age) const;

private:
    file_tree(std::string path, runtime::descriptor root, runtime::descriptor staging)
        : path_(std::move(path)), root_(std::move(root)), staging_(std::move(staging)) {}

    [[nodiscard]] file_result<runtime::descriptor> parent_of(const object_key& key, bool make) const;
    [[nodiscard]] file_result<> empty_graves(const std::string& prefix) const;
    [[nodiscard]] bool sweep_one(const std::string& name, std::chrono::seconds age) const;
    [[nodiscard]] std::string staged_path(const std::string& name) const;

    std::string path_;  // absolute
    runtime::descriptor root_, staging_;
};

}  // namespace bulkhead::storage
