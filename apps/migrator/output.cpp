// SPDX-License-Identifier: Apache-2.0
#include "output.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <cstdio>

namespace bulkhead::migrator {

void output::data(const json::object& object, std::string_view text) const {
    if (json_)
        fmt::print("{}\n", json::serialize(object));
    else if (!text.empty())
        fmt::print("{}\n", text);
    std::fflush(stdout);  // a reader of a long run sees each line when it happens
}

void output::heading(std::string_view text) const {
    if (!json_) fmt::print("{}\n", text);
}

void output::summary(json::object object) const {
    object["type"] = "summary";
    data(object, "");
}

void output::message(std::string_view text) const { fmt::print(stderr, "{}\n", text); }

}  // namespace bulkhead::migrator
