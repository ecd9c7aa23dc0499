// SPDX-License-Identifier: Apache-2.0
#include "runtime/signals.hpp"

#include <pthread.h>
#include <signal.h>
#include <unistd.h>

namespace bulkhead::runtime {
namespace {

extern "C" void exit_at_once(int) { ::_exit(1); }
extern "C" void exit_in_order(int) { ::_exit(0); }

sigset_t handled() {
    sigset_t set;
    sigemptyset(&set);
    for (int number : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, number);
    return set;
}

}  // namespace

void ignore_sigpipe() { ::signal(SIGPIPE, SIG_IGN); }

signals::signals() {
    // Blocked now, so that threads started later inherit it and only wait() below receives them.
    const auto set = handled();
    pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

int signals::wait() {
    const auto set = handled();
    for (;;) {
        int number = 0;
        if (sigwait(&set, &number) != 0) continue;
        if (number == SIGHUP) {
            reload_();
            continue;
        }
        struct sigaction action {};
        action.sa_handler = exit_at_once;
        sigaction(SIGTERM, &action, nullptr);
        sigaction(SIGINT, &action, nullptr);
        ::signal(SIGHUP, SIG_IGN);  // its default would end us
        pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
        return number;
    }
}

// Handlers, not the defaults: the first process of a container has none of those.
nothing_to_finish::nothing_to_finish() {
    struct sigaction action {};
    action.sa_handler = exit_in_order;
    sigaction(SIGTERM, &action, &terminate_);
    sigaction(SIGINT, &action, &interrupt_);
    sigset_t both;
    sigemptyset(&both);
    for (int number : {SIGTERM, SIGINT}) sigaddset(&both, number);
    pthread_sigmask(SIG_UNBLOCK, &both, &mask_);
}

nothing_to_finish::~nothing_to_finish() {
    pthread_sigmask(SIG_SETMASK, &mask_, nullptr);
    sigaction(SIGTERM, &terminate_, nullptr);
    sigaction(SIGINT, &interrupt_, nullptr);
}

}  // namespace bulkhead::runtime
