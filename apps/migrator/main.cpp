// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator: migrations and tenants, from the command line. See app.hpp.
#include <cstdio>
#include <exception>
#include <string_view>
#include <vector>

#include "app.hpp"

int main(int argc, char** argv) {
    try {
        return bulkhead::migrator::run(std::vector<std::string_view>(argv + 1, argv + argc));
    } catch (const std::exception& bug) {
        std::fprintf(stderr, "bulkhead-migrator: %s\n", bug.what());
        return 1;
    }
}
