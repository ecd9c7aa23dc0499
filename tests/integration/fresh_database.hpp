// SPDX-License-Identifier: Apache-2.0
// An empty database of its own for one test case, on the server that the program's tests share.
#pragma once

#include <fmt/format.h>

#include <string>

#include "support/servers.hpp"

namespace bulkhead::testing {

class fresh_database {
public:
    fresh_database() : name_(fmt::format("test_{}", ++counter_)) {
        shared_servers().execute("bulkhead", fmt::format("create database {}", name_));
    }

    /// As a superuser.
    [[nodiscard]] std::string url() const { return shared_servers().database_url(name_); }

private:
    static inline int counter_ = 0;
    std::string name_;
};

}  // namespace bulkhead::testing
