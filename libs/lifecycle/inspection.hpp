// SPDX-License-Identifier: Apache-2.0
// Compares what the control database says with what is on the servers, and looks for what will go wrong:
// rights, connections, keys. Changes nothing. Blocking, a few milliseconds for each tenant; one thread at a
// time.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "lifecycle/site.hpp"

namespace bulkhead::lifecycle {

enum class severity {
    note,     // good to know
    problem,  // something does not work, or will not
};

struct finding {
    severity how = severity::problem;
    std::string about;   // "server control", "tenant acme"
    std::string what;    // one sentence without a full stop
    std::string advice;  // what to do
};

/// `pool_max`: the connections each process may open, if that is set. Ends early when `stop` says so. An
/// error only when the control database fails.
result<std::vector<finding>> inspect(site& at, std::optional<unsigned> pool_max,
                                     const std::function<bool()>& stop = {});

}  // namespace bulkhead::lifecycle
