// SPDX-License-Identifier: Apache-2.0
// The OpenAPI description of one operation while it is put together. Each part of a handler's signature (path
// id, query, body, preconditions, outcome) adds its own piece.
#pragma once

#include <string_view>
#include <vector>

#include "base/error.hpp"
#include "base/json.hpp"
#include "schema/json_schema.hpp"

namespace bulkhead::http {

class operation {
public:
    explicit operation(schema::components& shared) : components(shared) {}

    /// Content of this schema for a status; an empty schema means no content. Said again for the same status:
    /// the content can be of that type too. Headers by name, with a description.
    void answers(unsigned code, std::string_view description, json::object content_schema = {},
                 std::string_view content_type = "application/json",
                 std::vector<std::pair<std::string_view, std::string_view>> headers = {});

    /// The operation can fail with `code`.
    void fails(errc code);

    void parameter(json::object description) { parameters.push_back(std::move(description)); }
    void header_parameter(std::string_view name, std::string_view description);
    void body(json::object content_schema, std::initializer_list<std::string_view> content_types,
              bool required = true);

    /// The finished object, without texts and security.
    [[nodiscard]] json::object take();

    schema::components& components;

private:
    json::array parameters;
    json::object request_body;
    json::object responses;
    std::vector<errc> failures;
};

/// The schema of every failure answer.
json::object problem_schema();

}  // namespace bulkhead::http
