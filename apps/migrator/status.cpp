// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator status
#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"

namespace bulkhead::migrator {
namespace {

using migrations::failure_kind;

class status_command {
public:
    explicit status_command(const context& with) : with_(with) {}

    int run() {
        with_.out.heading(
            fmt::format("{:<40} {:>7} {:>7} {:>7}  {}", "DATABASE", "VERSION", "HEAD", "PENDING", "STATE"));
        const auto control = migrations::status(with_.control, with_.control_schema);
        show("control", "control", control);
        if (control && control->version > 0) show_tenants();
        with_.out.summary(
            {{"databases", databases_}, {"pending", pending_}, {"drift", drifted_}, {"failed", failed_}});
        if (drifted_ > 0) return exit_mismatch;
        if (failed_ > 0) return failed_ == databases_ ? exit_failed : exit_partly_failed;
        return pending_ > 0 ? exit_pending : exit_ok;
    }

private:
    /// Without a database yet, put away, or on its way: there is nothing to be read now.
    static bool is_out_of_reach(tenancy::tenant_status status) {
        using enum tenancy::tenant_status;
        return status == provisioning || status == maintenance || status == deleted || status == purging;
    }

    void show_tenants() {
        const auto tenants = read_tenants(with_);
        if (!tenants) return show("tenant", "(all)", std::unexpected(tenants.error()));
        for (const auto& one : *tenants) {
            if (is_out_of_reach(one.status)) continue;
            auto database = open_tenant(with_, one);
            if (database)
                show("tenant", one.slug, migrations::status(*database, with_.tenant_schema));
            else
                show("tenant", one.slug, std::unexpected(database.error()));
        }
    }

    void show(std::string_view kind, std::string_view name,
              const migrations::outcome<migrations::database_status>& found) {
        ++databases_;
        if (found) return show_version(kind, name, *found);
        const bool drift = found.error().kind == failure_kind::mismatch;
        ++(drift ? drifted_ : failed_);
        const auto* state = drift ? "drift" : "failed";
        with_.out.data({{"type", "database"},
                        {"kind", kind},
                        {"name", name},
                        {"version", nullptr},
                        {"state", state},
                        {"error", found.error().message}},
                       fmt::format("{:<40} {:>7} {:>7} {:>7}  {}", name, "-", "-", "-", state));
        with_.out.message(fmt::format("{}: {}", name, found.error().message));
    }

    void show_version(std::string_view kind, std::string_view name,
                      const migrations::database_status& found) {
        const auto* state = found.pending.empty() ? "ok" : "pending";
        pending_ += found.pending.empty() ? 0 : 1;
        with_.out.data({{"type", "database"},
                        {"kind", kind},
                        {"name", name},
                        {"version", found.version},
                        {"head", found.head},
                        {"pending", json::array(found.pending.begin(), found.pending.end())},
                        {"state", state},
                        {"error", nullptr}},
                       fmt::format("{:<40} {:>7} {:>7} {:>7}  {}", name, found.version, found.head,
                                   found.pending.size(), state));
    }

    const context& with_;
    std::size_t databases_ = 0;
    std::size_t pending_ = 0;  // databases with something pending
    std::size_t drifted_ = 0;
    std::size_t failed_ = 0;
};

}  // namespace

int show_status(const context& with) { return status_command(with).run(); }

}  // namespace bulkhead::migrator
