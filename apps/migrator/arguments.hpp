// SPDX-License-Identifier: Apache-2.0
// The command line, parsed and checked without touching anything. Plain values.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace bulkhead::migrator {

enum class command { up, status, tenant_create, tenant_list, help, version, check_config };

/// Which databases `up` works on.
enum class target { everything, control, all_tenants, one_tenant };

struct arguments {
    command run = command::help;
    target databases = target::everything;
    std::optional<std::int64_t> to{};
    bool dry_run = false;
    bool json = false;
    bool if_absent = false;
    std::string slug{};  // of --tenant, or of the tenant to create
    std::string name{};  // empty: the slug
    std::string owner_email{};
    std::string owner_password_file{};
    std::string owner_name{};  // empty: the address
};

/// The arguments after the program's name. The error is one line for stderr (exit status 2).
std::expected<arguments, std::string> parse_arguments(std::span<const std::string_view> words);

/// The text of --help.
std::string_view usage() noexcept;

}  // namespace bulkhead::migrator
