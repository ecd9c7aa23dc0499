// SPDX-License-Identifier: Apache-2.0
// One row of the route table: everything that is known about an operation before a request comes.
#pragma once

#include <boost/beast/http/verb.hpp>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "http/operation.hpp"
#include "http/response.hpp"
#include "http/traffic.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::http {

using verb = boost::beast::http::verb;

class exchange;

/// Who may call an operation. It follows from the handler's first parameter, so it cannot be forgotten.
enum class access {
    open,      // anybody, no tenant involved
    tenant,    // anybody, within a tenant
    user,      // a signed-in user of the tenant
    platform,  // whoever runs the platform
};

/// Which limit counts requests of whom only the address is known.
enum class rate_class {
    general,
    auth,  // whoever tries passwords
    none,  // what costs nothing
};

/// The texts of an operation; all static.
struct operation_texts {
    std::string_view id;       // operationId, camelCase, unique
    std::string_view summary;  // one line
    std::string_view tag;      // the group it stands in
    std::string_view description{};
    std::vector<errc> failures{};  // beyond those that follow from the handler's signature
    std::size_t body_limit = 0;    // bytes; 0: the server's default
    bool probe = false;  // asks how we are: not limited, not worth a trace, and its answer is no news
    rate_class rate = rate_class::general;
    bool compress = true;    // false when the answer carries a secret (compression.hpp)
    bool needs_room = true;  // a POST, PUT or PATCH that adds data: refused when the storage is used up
    traffic lane = traffic::by_row;  // whom it competes with when there is too much to do
    std::int64_t schema = 0;         // the first version of a tenant's schema that has what it works on
};

struct route {
    verb method;
    std::string_view path;  // "/api/tasks/{id}"
    operation_texts texts;
    access required;
    awaitable<response> (*serve)(exchange&);
    void (*document)(operation&);  // adds parameters, body and answers to its OpenAPI operation
};

}  // namespace bulkhead::http
