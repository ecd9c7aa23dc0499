// SPDX-License-Identifier: Apache-2.0
#include "schema/json_schema.hpp"

#include <fmt/format.h>
#include <boost/core/demangle.hpp>

#include <algorithm>
#include <stdexcept>

namespace bulkhead::schema {
namespace {

constexpr std::string_view unnamed = "(anonymous namespace)::";
constexpr std::string_view word = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_";

direction opposite(direction way) {
    return way == direction::request ? direction::response : direction::request;
}

}  // namespace

json::object components::reference(std::type_index type, std::string name, direction way, builder build) {
    const auto known = names_.find({type, way});
    // The name is taken before the schema is built: a type may contain itself.
    const auto final_name = known != names_.end() ? known->second : reserve(type, std::move(name), way);
    if (known == names_.end()) {
        auto schema = build(*this, way);
        schemas[final_name] = std::move(schema);
    }
    return {{"$ref", "#/components/schemas/" + final_name}};
}

std::string components::reserve(std::type_index type, std::string name, direction way) {
    if (names_.contains({type, opposite(way)})) name += way == direction::request ? "_request" : "_response";
    if (schemas.contains(name))
        throw std::logic_error(fmt::format("two types are called \"{}\" in the API description", name));
    schemas[name] = json::object{};
    names_.emplace(std::pair{type, way}, name);
    return name;
}

json::object object_schema(std::vector<property> properties, std::string_view description, direction way) {
    json::object members;
    json::array required;
    for (auto& p : properties) {
        if (p.required) required.emplace_back(p.name);
        members[p.name] = std::move(p.schema);
    }
    json::object out{{"type", "object"}};
    if (!description.empty()) out["description"] = description;
    out["properties"] = std::move(members);
    if (!required.empty()) out["required"] = std::move(required);
    if (way == direction::request) out["additionalProperties"] = false;
    return out;
}

json::object nullable_schema(json::object schema) {
    auto* type = schema.if_contains("type");
    if (type == nullptr) return {{"anyOf", {std::move(schema), {{"type", "null"}}}}};
    if (type->is_string()) *type = json::array{*type, "null"};
    if (auto* values = schema.if_contains("enum")) values->as_array().emplace_back(nullptr);
    return schema;
}

json::object enum_schema(const std::vector<std::string_view>& names, std::string_view description) {
    json::object out{{"type", "string"}, {"enum", json::array(names.begin(), names.end())}};
    if (!description.empty()) out["description"] = description;
    return out;
}

std::string component_name(std::string_view type_name) {
    std::string text(type_name);
    for (std::size_t at = 0; (at = text.find(unnamed)) != std::string::npos;) text.erase(at, unnamed.size());
    std::string out;
    for (std::size_t begin = 0; (begin = text.find_first_of(word, begin)) != std::string::npos;) {
        const auto end = std::min(text.find_first_not_of(word, begin), text.size());
        if (text.compare(end, 2, "::") != 0) {
            if (!out.empty()) out += '_';
            out.append(text, begin, end - begin);
        }
        begin = end;
    }
    return out;
}

std::string type_name(const std::type_info& type) { return boost::core::demangle(type.name()); }

}  // namespace bulkhead::schema
