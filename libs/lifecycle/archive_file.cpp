// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/archive_file.hpp"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <system_error>
#include <vector>

#include "base/encoding.hpp"
#include "lifecycle/archive_tar.hpp"

namespace bulkhead::lifecycle {
namespace {

constexpr std::string_view dump_name = "database.dump", manifest_name = "manifest.json";
constexpr std::uint64_t largest_manifest = 1 << 20;
constexpr std::size_t piece_size = 256 * 1024;

std::unexpected<error> cannot_write() {
    return fail(errc::internal,
                fmt::format("the archive cannot be written: {}", std::generic_category().message(errno)));
}

std::string partial_name(const std::string& path) { return path + ".partial"; }

/// The name is on the disk, too.
result<void> sync_folder_of(const std::string& path) {
    auto folder = std::filesystem::path(path).parent_path();
    if (folder.empty()) folder = ".";
    const runtime::descriptor opened(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!opened || ::fsync(opened.get()) != 0) return cannot_write();
    return {};
}

/// Fewer bytes only at the end of the file.
result<std::string> read_at(int file, std::uint64_t at, std::size_t size) {
    std::string out(size, '\0');
    std::size_t done = 0;
    while (done < size) {
        const auto count = ::pread(file, out.data() + done, size - done, static_cast<off_t>(at + done));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return refuse_archive("damaged", "it cannot be read");
        if (count == 0) break;
        done += static_cast<std::size_t>(count);
    }
    out.resize(done);
    return out;
}

struct found_member {
    std::string name;
    std::uint64_t begin;
    std::uint64_t size;
};

/// Two different ones, each within the file, and the zero block that ends a tar.
result<std::vector<found_member>> read_members(int file, std::uint64_t file_size) {
    std::vector<found_member> out;
    std::uint64_t at = 0;
    for (;;) {
        const auto block = read_at(file, at, tar_block);
        if (!block) return std::unexpected(block.error());
        if (block->size() < tar_block) return refuse_archive("damaged", "it is cut off");
        at += tar_block;
        if (block->find_first_not_of('\0') == std::string::npos) return out;
        auto header = read_tar_header(*block);
        if (!header) return refuse_archive("damaged", "it holds something else than plain files");
        const bool known = header->name == dump_name || header->name == manifest_name;
        if (!known || (!out.empty() && (out.size() == 2 || out[0].name == header->name)))
            return refuse_archive("damaged", "it holds files that do not belong there");
        if (header->size > file_size || at > file_size - header->size)
            return refuse_archive("damaged", "it is cut off");
        out.push_back({std::move(header->name), at, header->size});
        at += header->size + tar_padding(header->size);
    }
}

result<runtime::descriptor> open_to_read(const std::string& path) {
    // What is no regular file must not keep us waiting.
    runtime::descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    if (!file)
        return refuse_archive("missing", errno == ENOENT ? "there is no such file" : "it cannot be opened");
    struct stat about {};
    if (::fstat(file.get(), &about) != 0 || !S_ISREG(about.st_mode))
        return refuse_archive("missing", "it is not a file");
    return file;
}

}  // namespace

archive_writer::archive_writer(std::string path, runtime::descriptor file)
    : path_(std::move(path)), file_(std::move(file)) {}

result<archive_writer> archive_writer::create(std::string path) {
    if (::access(path.c_str(), F_OK) == 0) return fail(errc::conflict, "there is a file of this name");
    const auto partial = partial_name(path);
    runtime::descriptor file(
        ::open(partial.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600));
    if (!file) return cannot_write();
    if (::flock(file.get(), LOCK_EX | LOCK_NB) != 0)
        return fail(errc::conflict, "this archive is being written");
    // It may be what a killed run left.
    if (::ftruncate(file.get(), 0) != 0 || ::fchmod(file.get(), 0600) != 0) return cannot_write();
    return archive_writer(std::move(path), std::move(file));
}

archive_writer::~archive_writer() {
    if (file_) ::unlink(partial_name(path_).c_str());
}

result<void> archive_writer::write(std::string_view bytes, std::uint64_t at) {
    while (!bytes.empty()) {
        const auto count = ::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at));
        if (count < 0 && errno == EINTR) continue;
        if (count < 0) return cannot_write();
        bytes.remove_prefix(static_cast<std::size_t>(count));
        at += static_cast<std::uint64_t>(count);
    }
    return {};
}

result<void> archive_writer::add(std::string_view piece) {
    if (auto written = write(piece, tar_block + size_); !written) return written;
    hash_.add(piece);
    size_ += piece.size();
    return {};
}

archived_dump archive_writer::end_dump(int pg_dump) {
    return {archive_number(static_cast<std::int64_t>(size_)),
            schema::text<64, 64>(to_hex(hash_.finish().view())), schema::integer<1, 999>(pg_dump)};
}

result<void> archive_writer::finish(const archive_manifest& about) {
    const auto text = schema::to_json(about) + "\n";
    const auto now = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    const auto header = [&](std::string_view name, std::uint64_t size) {
        const auto block = tar_header({std::string(name), size}, now);
        return std::string(block.data(), block.size());
    };
    std::string end(tar_padding(size_), '\0');
    end += header(manifest_name, text.size()) + text;
    end.append(tar_padding(text.size()) + 2 * tar_block, '\0');
    if (auto written = write(end, tar_block + size_); !written) return written;
    // Last, for its size was not known before.
    if (auto written = write(header(dump_name, size_), 0); !written) return written;
    if (::fsync(file_.get()) != 0) return cannot_write();
    if (::rename(partial_name(path_).c_str(), path_.c_str()) != 0) return cannot_write();
    file_.close();
    return sync_folder_of(path_);
}

result<archive_reader> archive_reader::open(const std::string& path) {
    auto file = open_to_read(path);
    if (!file) return std::unexpected(std::move(file.error()));
    const auto end = ::lseek(file->get(), 0, SEEK_END);
    const auto members = read_members(file->get(), end > 0 ? static_cast<std::uint64_t>(end) : 0);
    if (!members) return std::unexpected(members.error());
    if (members->size() != 2) return refuse_archive("damaged", "a part of it is missing");
    const bool dump_first = members->front().name == dump_name;
    const auto &dump = dump_first ? members->front() : members->back(),
               &manifest = dump_first ? members->back() : members->front();
    if (manifest.size > largest_manifest) return refuse_archive("damaged", "its manifest is too large");
    const auto text = read_at(file->get(), manifest.begin, manifest.size);
    if (!text) return std::unexpected(text.error());
    auto about = parse_manifest(*text);
    if (!about) return std::unexpected(std::move(about.error()));
    if (static_cast<std::uint64_t>(about->dump.bytes.value()) != dump.size)
        return refuse_archive("damaged", "its dump has another size than its manifest says");
    return archive_reader(*std::move(file), dump.begin, dump.size, *std::move(about));
}

result<void> archive_reader::read_dump(const std::function<result<void>(std::string_view)>& take) const {
    sha256_stream hash;
    for (std::uint64_t done = 0; done < size_;) {
        const auto piece =
            read_at(file_.get(), begin_ + done, std::min<std::uint64_t>(piece_size, size_ - done));
        if (!piece) return std::unexpected(piece.error());
        if (piece->empty()) return refuse_archive("damaged", "it is cut off");
        hash.add(*piece);
        if (auto taken = take(*piece); !taken) return taken;
        done += piece->size();
    }
    if (to_hex(hash.finish().view()) == manifest_.dump.sha256.str()) return {};
    return refuse_archive("damaged", "its dump has another hash than its manifest says");
}

result<void> archive_reader::verify(const std::function<bool()>& stop) const {
    return read_dump([&](std::string_view) -> result<void> {
        if (stop && stop()) return fail(errc::unavailable, "asked to stop");
        return {};
    });
}

}  // namespace bulkhead::lifecycle
