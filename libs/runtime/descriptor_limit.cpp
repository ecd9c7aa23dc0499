// SPDX-License-Identifier: Apache-2.0
#include "runtime/descriptor_limit.hpp"

#include <sys/resource.h>

namespace bulkhead::runtime {

std::size_t raise_descriptor_limit() {
    rlimit now{};
    if (getrlimit(RLIMIT_NOFILE, &now) != 0) return 0;
    const auto before = now.rlim_cur;
    now.rlim_cur = now.rlim_max;
    return setrlimit(RLIMIT_NOFILE, &now) == 0 ? now.rlim_cur : before;
}

}  // namespace bulkhead::runtime
