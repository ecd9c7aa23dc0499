// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/import.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <filesystem>

#include "lifecycle/archive_file.hpp"
#include "lifecycle/dump.hpp"
#include "lifecycle/dump_target.hpp"
#include "lifecycle/new_database.hpp"
#include "lifecycle/saga.hpp"

namespace bulkhead::lifecycle {
namespace {

using runtime::child_process;
using runtime::descriptor;

/// The writing end of a program's stdin. A socket, not a pipe: writing to it when the program has gone is an
/// error, not a signal.
class feeder {
public:
    feeder(descriptor to, child_process& program, const runtime::patience& how_long)
        : to_(std::move(to)), program_(program), how_long_(how_long) {}

    result<void> feed(std::string_view piece) {
        while (to_ && !piece.empty()) {
            if (program_.ended() && program_.status() != 0) return fail(errc::internal);
            if (auto left = how_long_.left(); !left) return left;
            if (!runtime::wait_ready(to_.get(), POLLOUT)) continue;
            const auto count = ::send(to_.get(), piece.data(), piece.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
            if (count >= 0)
                piece.remove_prefix(static_cast<std::size_t>(count));
            else if (errno == EPIPE || errno == ECONNRESET)
                to_.close();  // it wants no more: whether it has had enough, its status tells
            else if (errno != EINTR && errno != EAGAIN)
                return fail(errc::internal);
        }
        return {};
    }

    void end() noexcept { to_.close(); }

private:
    descriptor to_;
    child_process& program_;
    const runtime::patience& how_long_;
};

result<void> restore_dump(const archive_reader& from, const postgres::conninfo& into, int target_version,
                          const runtime::patience& how_long) {
    const auto programs = find_dump_programs(static_cast<int>(from.manifest().dump.pg_dump.value()));
    if (!programs) return std::unexpected(programs.error());
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0)
        return fail(errc::unavailable);
    descriptor theirs(ends[0]), ours(ends[1]);
    auto restore = start_restore(*programs, into, target_version, theirs.get());
    if (!restore) return std::unexpected(std::move(restore.error()));
    theirs.close();
    feeder stdin_of(std::move(ours), *restore, how_long);
    const std::array<child_process*, 1> all{&*restore};
    const auto read = from.read_dump([&](std::string_view piece) { return stdin_of.feed(piece); });
    stdin_of.end();
    if (!read && read.error().code == errc::validation_failed) return read;  // not the program's fault
    const auto done = read ? runtime::wait_for(all, how_long) : read;
    if (!done) return std::unexpected(explain_failure(done.error(), all));
    return {};
}

class import_of_archive final : public saga {
public:
    explicit import_of_archive(site& at) : at_(at) {}

    std::vector<saga_step> steps() override {
        auto out = filled_tenant_steps(at_, record().tenant,
                                       [this](const postgres::conninfo& into) { return restore(into); });
        out.insert(out.begin(), {"verify", [this] { return verify(); }});
        return out;
    }
    std::vector<saga_step> undo() override { return forget_database_steps(at_, record().tenant); }

private:
    /// The one that the work was begun with.
    result<archive_reader> open() const {
        const auto text = [&](std::string_view member) {
            return std::string(record().input.at(member).as_string());
        };
        auto file = archive_reader::open(text("path"));
        if (file && file->manifest().dump.sha256.str() != text("sha256"))
            return refuse_archive("damaged", "it was replaced by another one");
        return file;
    }

    result<void> verify() {
        const auto file = open();
        if (!file) return std::unexpected(file.error());
        return file->verify(at_.stop);
    }

    result<void> restore(const postgres::conninfo& into) {
        const auto file = open();
        if (!file) return std::unexpected(file.error());
        auto database = connect(into);
        if (!database) return std::unexpected(std::move(database.error()));
        const auto version = server_version(*database);
        if (!version) return std::unexpected(version.error());
        const runtime::patience how_long{std::chrono::steady_clock::now() + at_.settings().longest_copy,
                                         at_.stop};
        if (auto restored = restore_dump(*file, into, *version, how_long); !restored) return restored;
        database->set_time_limit(at_.settings().longest_copy);
        const auto found = count_rows(*database);
        if (!found) return std::unexpected(found.error());
        return compare_counts(counts_of(file->manifest()), *found);
    }

    site& at_;
};

}  // namespace

result<operation> begin_import(site& at, const std::string& path, const new_tenant& wanted) {
    std::error_code failed;
    const auto absolute = std::filesystem::absolute(path, failed).string();
    const auto file = archive_reader::open(absolute);
    if (!file) return std::unexpected(file.error());
    const auto& about = file->manifest();
    if (about.schema_version.value() > at.schema().head())
        return refuse_archive(
            "newer", fmt::format("its schema has version {}, this program knows {}: use a newer program",
                                 about.schema_version.value(), at.schema().head()));
    auto as = wanted;
    if (as.name.empty()) as.name = about.tenant.name.str();
    if (as.limits == tenancy::tenant_limits{}) as.limits = about.tenant.limits;
    return begin_filled_tenant(at, operation_kind::import, as,
                               {{"path", absolute}, {"sha256", about.dump.sha256.str()}});
}

result<operation> continue_import(site& at, const operation& begun) {
    import_of_archive how(at);
    return run_saga(at, begun, how);
}

}  // namespace bulkhead::lifecycle
