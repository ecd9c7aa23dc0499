// SPDX-License-Identifier: Apache-2.0
#include "base/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <array>
#include <cstddef>
#include <memory>
#include <string>

#include "base/sanitized.hpp"

namespace bulkhead {
namespace {

class signal_stack {
public:
    signal_stack() : memory_(std::make_unique_for_overwrite<std::byte[]>(size)) {
        const stack_t here{.ss_sp = memory_.get(), .ss_flags = 0, .ss_size = size};
        ::sigaltstack(&here, nullptr);
    }
    signal_stack(const signal_stack&) = delete;
    signal_stack& operator=(const signal_stack&) = delete;
    ~signal_stack() {
        const stack_t none{.ss_sp = nullptr, .ss_flags = SS_DISABLE, .ss_size = 0};
        ::sigaltstack(&none, nullptr);
    }

private:
    static constexpr std::size_t size = 64 * 1024;
    std::unique_ptr<std::byte[]> memory_;
};

}  // namespace

void prepare_thread(std::string_view name) {
    constexpr std::size_t longest_name = 15;
    constexpr std::array crashes{SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS};
    sigset_t blocked;
    sigfillset(&blocked);
    for (const int number : crashes) sigdelset(&blocked, number);
    pthread_sigmask(SIG_BLOCK, &blocked, nullptr);
    pthread_setname_np(pthread_self(), std::string(name.substr(0, longest_name)).c_str());
    give_signal_stack();
}

void give_signal_stack() {
    if constexpr (!sanitized) {
        thread_local const signal_stack stack;
        (void)stack;
    }
}

}  // namespace bulkhead
