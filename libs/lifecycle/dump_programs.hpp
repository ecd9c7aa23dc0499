// SPDX-License-Identifier: Apache-2.0
// Which pg_dump and pg_restore to run, and how to tell them where to log in. Safe from any thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "persistence/postgres/conninfo.hpp"
#include "runtime/child_process.hpp"

namespace bulkhead::lifecycle {

struct dump_programs {
    std::string folder;
    int version = 0;  // the major one
};

/// 15 for 150004, as servers give their version.
constexpr int major_version(int number) noexcept { return number / 10000; }

/// Those with the lowest version that can read servers of version `at_least` (major). What they make can be
/// read by their own and newer versions, and restored to servers that are not older. errc::unavailable when
/// none is installed, see the log.
result<dump_programs> find_dump_programs(int at_least);

/// `name` of that folder with `arguments` and the login. The password goes through the environment, which
/// only we and root can see.
runtime::command with_login(const dump_programs& programs, std::string_view name,
                            std::vector<std::string> arguments, const postgres::conninfo& login);

}  // namespace bulkhead::lifecycle
