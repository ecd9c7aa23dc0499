// SPDX-License-Identifier: Apache-2.0
// Whoever wants to know about every answer: metrics, the access log, error reports. Called on the server's
// reactor when the answer is queued; must be quick.
#pragma once

#include <chrono>
#include <cstddef>
#include <string_view>

#include "http/request_head.hpp"
#include "http/response.hpp"

namespace bulkhead::http {

struct route;
class exchange;

/// One answer and what it answers. Views live for the call only.
struct answered {
    const request_head& head;  // without method and path when the head could not be read
    const route* row;          // null: no row served it
    std::string_view request_id;
    std::string_view tenant{};  // slug; empty: none is known
    std::string_view user{};    // id; empty: not signed in
    const response& answer;
    std::size_t bytes;                  // head and content as they leave
    std::chrono::nanoseconds duration;  // since the head was complete
    // All else that is known of the request; null: it did not come from a client.
    const exchange* request = nullptr;
};

class answer_observer {
public:
    virtual void on_answer(const answered& what) = 0;

protected:
    ~answer_observer() = default;
};

}  // namespace bulkhead::http
