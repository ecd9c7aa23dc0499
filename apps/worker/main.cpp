// SPDX-License-Identifier: Apache-2.0
#include "app.hpp"

int main(int argc, char** argv) {
    using namespace bulkhead;
    return service::run(worker::program, {argv, static_cast<std::size_t>(argc)}, &worker::serve);
}
