// SPDX-License-Identifier: Apache-2.0
#include "http/operation.hpp"

#include <algorithm>
#include <map>
#include <string>

namespace bulkhead::http {

void operation::answers(unsigned code, std::string_view description, json::object content_schema,
                        std::string_view content_type,
                        std::vector<std::pair<std::string_view, std::string_view>> headers) {
    json::object answer{{"description", description}};
    if (!content_schema.empty()) {
        json::object content;
        if (const auto* same = responses.if_contains(std::to_string(code)))
            if (const auto* others = same->as_object().if_contains("content")) content = others->as_object();
        content[content_type] = {{"schema", std::move(content_schema)}};
        answer["content"] = std::move(content);
    }
    if (!headers.empty()) {
        json::object described;
        for (const auto& [name, meaning] : headers)
            described[name] = {{"description", meaning}, {"schema", {{"type", "string"}}}};
        answer["headers"] = std::move(described);
    }
    responses[std::to_string(code)] = std::move(answer);
}

void operation::fails(errc code) {
    if (std::ranges::find(failures, code) == failures.end()) failures.push_back(code);
}

void operation::header_parameter(std::string_view name, std::string_view description) {
    parameters.push_back(
        {{"name", name}, {"in", "header"}, {"description", description}, {"schema", {{"type", "string"}}}});
}

void operation::body(json::object content_schema, std::initializer_list<std::string_view> content_types,
                     bool required) {
    json::object content;
    for (auto type : content_types) content[type] = {{"schema", content_schema}};
    request_body = {{"required", required}, {"content", std::move(content)}};
}

json::object operation::take() {
    std::map<unsigned, std::string> causes;  // one answer per status, listing its problem types
    for (auto code : failures) {
        const auto& row = describe(code);
        auto& text = causes[row.status];
        text += (text.empty() ? "" : ", ") + ("`" + std::string(row.name) + "`");
    }
    for (const auto& [code, text] : causes)
        responses[std::to_string(code)] = {
            {"description", text},
            {"content",
             {{"application/problem+json", {{"schema", {{"$ref", "#/components/schemas/problem"}}}}}}}};
    json::object out;
    if (!parameters.empty()) out["parameters"] = std::move(parameters);
    if (!request_body.empty()) out["requestBody"] = std::move(request_body);
    out["responses"] = std::move(responses);
    return out;
}

json::object problem_schema() {
    const json::object text{{"type", "string"}};
    const json::object field{
        {"type", "object"},
        {"required", {"pointer", "code", "detail"}},
        {"properties",
         {{"pointer", {{"type", "string"}, {"description", "JSON pointer into the body, or /query/<name>"}}},
          {"code", text},
          {"detail", text}}}};
    return {{"type", "object"},
            {"description", "RFC 9457 problem details"},
            {"required", {"type", "title", "status", "detail", "request_id"}},
            {"properties",
             {{"type", {{"type", "string"}, {"format", "uri-reference"}}},
              {"title", text},
              {"status", {{"type", "integer"}}},
              {"detail", text},
              {"request_id", text},
              {"errors", {{"type", "array"}, {"items", field}}}}}};
}

}  // namespace bulkhead::http
