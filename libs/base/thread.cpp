// SPDX-License-Identifier: Apache-2.0
#include "base/thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <string>

namespace bulkhead {

void prepare_thread(std::string_view name) {
    constexpr std::size_t longest_name = 15;
    sigset_t all;
    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, nullptr);
    pthread_setname_np(pthread_self(), std::string(name.substr(0, longest_name)).c_str());
}

}  // namespace bulkhead
