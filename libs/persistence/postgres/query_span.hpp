// SPDX-License-Identifier: Apache-2.0
// The span of an operation in the trace of its request: begins with this object and ends with it. Without a
// recorder it does nothing.
#pragma once

#include <span>

#include "observability/trace_recorder.hpp"
#include "persistence/postgres/operation.hpp"

namespace bulkhead::postgres {

class query_span {
public:
    query_span(trace::recorder_ptr into, std::span<const query> statements);

    void fail(const error& why) { span_.fail(describe(why.code).name); }

private:
    trace::client_span span_;
};

}  // namespace bulkhead::postgres
