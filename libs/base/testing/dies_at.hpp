// SPDX-License-Identifier: Apache-2.0
// Work that is killed at a fail point, as by kill -9, in a child process: the test sees what that leaves
// behind. Call it while the process has one thread that matters: a child has no other.
#pragma once

#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <string_view>
#include <system_error>

#include "base/fail_point.hpp"

namespace bulkhead::testing {

/// Whether `work` died at `point`, which is as arm_fail_point takes it.
template <class F>
[[nodiscard]] bool dies_at(std::string_view point, F work) {
    const auto child = ::fork();
    if (child < 0) throw std::system_error(errno, std::generic_category(), "fork");
    if (child == 0) {
        arm_fail_point(point);
        work();
        ::_exit(0);
    }
    int outcome = 0;
    if (::waitpid(child, &outcome, 0) != child)
        throw std::system_error(errno, std::generic_category(), "waitpid");
    return WIFSIGNALED(outcome) && WTERMSIG(outcome) == SIGKILL;
}

}  // namespace bulkhead::testing
