// SPDX-License-Identifier: Apache-2.0
// The file that an archive of a tenant is: a plain tar with the members database.dump (pg_dump's custom
// format) and manifest.json. Nothing of it is ever unpacked to a path. Blocking; one thread at a time.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "base/crypto.hpp"
#include "lifecycle/archive_manifest.hpp"
#include "runtime/child_process.hpp"

namespace bulkhead::lifecycle {

/// Writes `path`: beside it, until all of it is on the disk. An unfinished file is deleted with this object.
class archive_writer {
public:
    /// errc::conflict when there is a file of this name, or somebody is writing it.
    static result<archive_writer> create(std::string path);
    archive_writer(archive_writer&&) noexcept = default;
    archive_writer& operator=(archive_writer&&) = delete;
    ~archive_writer();

    /// The next piece of the dump.
    result<void> add(std::string_view piece);

    /// After its last piece, once. `pg_dump` is its major version.
    [[nodiscard]] archived_dump end_dump(int pg_dump);

    /// Writes the manifest and gives the file its name.
    result<void> finish(const archive_manifest& about);

private:
    archive_writer(std::string path, runtime::descriptor file);
    result<void> write(std::string_view bytes, std::uint64_t at);

    std::string path_;
    runtime::descriptor file_;
    sha256_stream hash_;
    std::uint64_t size_ = 0;  // of the dump
};

class archive_reader {
public:
    /// Checks the structure and the manifest, not the dump's hash. errc::validation_failed as refuse_archive.
    static result<archive_reader> open(const std::string& path);

    [[nodiscard]] const archive_manifest& manifest() const noexcept { return manifest_; }

    /// Hands over the dump in pieces, from its first byte to its last, and compares its hash. Stops at the
    /// first error of `take`.
    result<void> read_dump(const std::function<result<void>(std::string_view)>& take) const;

    /// Reads all of it only to compare its hash. errc::unavailable when `stop` says so.
    result<void> verify(const std::function<bool()>& stop = {}) const;

private:
    archive_reader(runtime::descriptor file, std::uint64_t begin, std::uint64_t size, archive_manifest about)
        : file_(std::move(file)), begin_(begin), size_(size), manifest_(std::move(about)) {}

    runtime::descriptor file_;
    std::uint64_t begin_;  // of the dump
    std::uint64_t size_;
    archive_manifest manifest_;
};

}  // namespace bulkhead::lifecycle
