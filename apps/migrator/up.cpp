// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator up
#include <fmt/format.h>

#include <algorithm>

#include "commands.hpp"
#include "lifecycle/servers.hpp"
#include "lifecycle/tenant_database.hpp"
#include "persistence/postgres/session.hpp"
#include "stop_signal.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::migrator {
namespace {

using migrations::failure;
using migrations::failure_kind;
using tenancy::tenant;
using tenancy::tenant_status;

class up_command {
public:
    explicit up_command(const context& with) : with_(with) {}

    int run() {
        const auto chosen = with_.args.databases;
        const bool control = chosen == target::everything || chosen == target::control;
        const auto& schema = chosen == target::control ? with_.control_schema : with_.tenant_schema;
        if (with_.args.to.value_or(0) > schema.head()) {
            with_.out.message(
                fmt::format("there is no migration {}: the newest is {}", *with_.args.to, schema.head()));
            return exit_usage;
        }
        if (control && !migrate_control()) return finish();
        if (chosen == target::control) return finish();
        if (control) return migrate_tenants();
        const auto checked = check_control(with_);
        return checked == exit_ok ? migrate_tenants() : checked;
    }

private:
    migrations::apply_options options(std::string label) const {
        migrations::apply_options wanted{.to = with_.args.to, .dry_run = with_.args.dry_run};
        wanted.stop = [] { return stop_signal() != 0; };
        wanted.on_applied = [this, label = std::move(label)](const migrations::applied_migration& one) {
            with_.out.message(
                fmt::format("{}: {:04}_{} in {} ms", label, one.number, one.name, one.duration.count()));
        };
        return wanted;
    }

    bool migrate_control() {
        const auto done = migrations::apply(with_.control, with_.control_schema, options("control"));
        if (!done) return report_failure("control", done.error()), false;
        report("control", *done);
        if (with_.args.dry_run) return true;
        const auto open = lifecycle::close_server(with_.control);
        if (!open)
            return report_failure("control", {failure_kind::failed, with_.control.last_message()}), false;
        if (!open->empty())
            with_.out.message(
                fmt::format("warning: every role, tenants' too, may connect to: {}", fmt::join(*open, ", ")));
        return true;
    }

    int migrate_tenants() {
        // A dry run on an empty server has no table of tenants yet.
        const auto version = migrations::status(with_.control, with_.control_schema);
        if (version && version->version == 0) return finish();
        auto tenants = read_tenants(with_);
        if (!tenants) return report_failure("control", tenants.error()), finish();
        if (with_.args.databases == target::one_tenant) {
            std::erase_if(*tenants, [&](const tenant& one) { return one.slug != with_.args.slug; });
            if (tenants->empty())
                return with_.out.message("there is no tenant " + with_.args.slug), exit_failed;
        }
        for (const auto& one : *tenants) {
            if (stop_signal() != 0)
                return report_failure(one.slug, {failure_kind::cancelled, "not started"}), finish();
            if (one.status == tenant_status::active || one.status == tenant_status::suspended)
                migrate_tenant(one);
            else if (one.status == tenant_status::maintenance)
                // Its data are on their way to another server.
                report_failure(one.slug, {failure_kind::locked, "in maintenance; try again when it is over"});
            else
                skip(one);
        }
        return finish();
    }

    void skip(const tenant& one) {
        with_.out.message(fmt::format(
            "{}: skipped, it is {}{}", one.slug, status_name(one.status),
            one.status == tenant_status::provisioning ? "; run tenant create again to complete it" : ""));
    }

    void migrate_tenant(const tenant& one) {
        auto database = open_tenant(with_, one);
        if (!database) return report_failure(one.slug, database.error());
        const auto done = migrations::apply(*database, with_.tenant_schema, options(one.slug));
        if (!done) return report_failure(one.slug, done.error());
        if (!with_.args.dry_run) {
            if (!done->applied.empty() && !lifecycle::grant_application(*database, one.role))
                return report_failure(one.slug, {failure_kind::failed, database->last_message()});
            if (!tenancy::save_schema_version(with_.control, one.id, done->to))
                return report_failure(one.slug, {failure_kind::failed, with_.control.last_message()});
        }
        report(one.slug, *done);
    }

    void report(std::string_view label, const migrations::apply_report& done) {
        ++databases_;
        applied_ += done.applied.size();
        json::array names;
        std::string text;
        for (const auto& one : done.applied) {
            names.emplace_back(fmt::format("{:04}_{}", one.number, one.name));
            text += fmt::format("{}{}  {:04}_{}", text.empty() ? "" : "\n", label, one.number, one.name);
        }
        with_.out.data({{"type", "database"},
                        {"name", label},
                        {"from", done.from},
                        {"to", done.to},
                        {with_.args.dry_run ? "pending" : "applied", std::move(names)},
                        {"error", nullptr}},
                       with_.args.dry_run ? text : "");
    }

    void report_failure(std::string_view label, const failure& why) {
        ++failed_;
        last_failure_ = code_of(why.kind);
        with_.out.message(fmt::format("{}: {}", label, why.message));
        with_.out.data({{"type", "database"}, {"name", label}, {"error", why.message}}, "");
    }

    int finish() const {
        with_.out.summary({{"databases", databases_ + failed_},
                           {"applied", applied_},
                           {"failed", failed_},
                           {"dry_run", with_.args.dry_run}});
        with_.out.message(fmt::format("{} databases, {} migrations {}, {} failed", databases_ + failed_,
                                      applied_, with_.args.dry_run ? "pending" : "applied", failed_));
        if (failed_ == 0) return exit_ok;
        return databases_ == 0 ? last_failure_ : exit_partly_failed;
    }

    const context& with_;
    std::size_t databases_ = 0;  // that are where they were asked to be
    std::size_t applied_ = 0;
    std::size_t failed_ = 0;
    exit_code last_failure_ = exit_ok;
};

}  // namespace

int migrate_up(const context& with) { return up_command(with).run(); }

}  // namespace bulkhead::migrator
