// SPDX-License-Identifier: Apache-2.0
// Where results go: data to stdout, as text or as one JSON object a line; messages to stderr. One thread.
#pragma once

#include <string_view>

#include "base/json.hpp"

namespace bulkhead::migrator {

class output {
public:
    explicit output(bool as_json) : json_(as_json) {}

    /// One datum: the object with --json, else the line of text; an empty text is not printed.
    void data(const json::object& object, std::string_view text) const;

    /// The heading of a table; not printed with --json.
    void heading(std::string_view text) const;

    /// The last datum of a command: `object` gets "type":"summary". Without --json nothing is printed.
    void summary(json::object object) const;

    /// One line for people, on stderr.
    void message(std::string_view text) const;

private:
    bool json_;
};

}  // namespace bulkhead::migrator
