// SPDX-License-Identifier: Apache-2.0
#include "app.hpp"
#include "service/command_line.hpp"

int main(int argc, char** argv) {
    using namespace bulkhead;
    const service::program_info program{config::program::worker, "bulkhead-worker", "the background worker of Bulkhead"};
    return service::run(program, {argv, static_cast<std::size_t>(argc)}, &worker::serve);
}
