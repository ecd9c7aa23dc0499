// SPDX-License-Identifier: Apache-2.0
// The command line, parsed and checked without touching anything. Plain values.
#pragma once

#include <chrono>
#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bulkhead::migrator {

enum class command {
    help,
    version,
    check_config,
    up,
    status,
    tenant_create,
    tenant_list,
    tenant_show,
    tenant_suspend,
    tenant_resume,
    tenant_rename,
    tenant_limits,
    tenant_end_sessions,
    tenant_delete,
    tenant_undelete,
    tenant_purge,
    tenant_clone,
    tenant_export,
    tenant_import,
    tenant_move,
    tenant_repair,
    server_add,
    server_list,
    server_remove,
    server_drain,
    server_accept,
    server_pooler,
    keys_generate,
    keys_list,
    keys_rotate,
    doctor,
};

/// Which databases `up` works on.
enum class target { everything, control, all_tenants, one_tenant };

/// A limit as it was given: not at all, a number, or "none".
struct limit_argument {
    bool given = false;
    std::optional<std::int64_t> value{};  // nullopt: none
};

struct arguments {
    command run = command::help;
    std::string group{};  // of help: "tenant"; empty: all
    bool json = false;

    std::string slug{};      // the tenant: of --tenant, or the first word after the command
    std::string new_slug{};  // of rename, clone
    std::string server{};    // of --server, or the first word after a server command
    std::string file{};      // to read or to write
    std::string pooler{};    // HOST:PORT or "none"

    // up
    target databases = target::everything;
    std::optional<std::int64_t> to{};
    bool dry_run = false;

    // tenant
    std::string name{};  // empty: the slug, or unchanged
    bool if_absent = false;
    std::string owner_email{};
    std::string owner_password_file{};
    std::string owner_name{};  // empty: the address
    std::string reason{};
    std::string status{};  // empty: any
    std::string confirm{};
    limit_argument users{}, requests_per_minute{}, storage_bytes{}, jobs_in_flight{};
    std::chrono::milliseconds max_pause = std::chrono::seconds(30);

    bool credentials = false;  // keys rotate
};

/// The arguments after the program's name. The error is one line for stderr (exit status 2).
std::expected<arguments, std::string> parse_arguments(std::span<const std::string_view> words);

/// The text of --help; of one group of commands ("tenant") when it is one.
std::string usage(std::string_view group = {});

}  // namespace bulkhead::migrator
