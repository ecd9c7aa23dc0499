// SPDX-License-Identifier: Apache-2.0
// Sweeps a store at the start of a program and every now and then: see store::sweep. Any number of processes
// may. Belongs to one reactor; destroyed after that has ended. The store must outlive it.
#pragma once

#include <chrono>

#include "storage/store.hpp"

namespace bulkhead::storage {

struct sweeper_settings {
    std::chrono::milliseconds every{std::chrono::hours(1)};
    std::chrono::seconds age{std::chrono::hours(1)};  // what died more lately is left for the next time
};

class sweeper {
public:
    sweeper(executor where, store& files, sweeper_settings settings = {});
    sweeper(const sweeper&) = delete;
    sweeper& operator=(const sweeper&) = delete;

    // On the reactor's thread.
    void start();
    void stop();

private:
    awaitable<> run();

    const executor executor_;
    store& files_;
    const sweeper_settings settings_;
    steady_timer timer_;
    bool stopped_ = false;
};

}  // namespace bulkhead::storage
