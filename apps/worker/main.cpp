// SPDX-License-Identifier: Apache-2.0
#include <vector>

#include "app.hpp"
#include "arguments.hpp"
#include "jobs_cli.hpp"

int main(int argc, char** argv) {
    using namespace bulkhead;
    const std::vector<std::string_view> words(argv + 1, argv + argc);
    if (worker::is_command(words)) return worker::run_command(words);
    return service::run(worker::program, {argv, static_cast<std::size_t>(argc)}, &worker::serve);
}
