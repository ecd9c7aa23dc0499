// SPDX-License-Identifier: Apache-2.0
// JSON Schema (2020-12, as OpenAPI 3.1 embeds it) of described types. Runs once, when the API document is
// made.
//
// A type may say more about itself with functions found by ADL, next to the type:
//     inline std::string_view description_of(std::type_identity<task_input>) { return "What a task is made
//     of"; } inline std::string_view schema_name_of(std::type_identity<task_input>) { return "new_task"; }
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeindex>
#include <vector>

#include "base/json.hpp"

namespace bulkhead::schema {

/// Whether clients send the type or receive it. Decides which members are required and whether others may
/// occur.
enum class direction { request, response };

/// The named schemas of one document. Each described struct gets one entry per direction it is used in; when
/// both are used, the later one is named with a suffix.
class components {
public:
    using builder = json::object (*)(components&, direction);

    /// {"$ref": …} to the entry of `type`, which `build` makes at first use. Throws std::logic_error when
    /// another type has taken `name`: give one of them a schema_name_of.
    json::object reference(std::type_index type, std::string name, direction way, builder build);

    json::object schemas;  // what stands under #/components/schemas

private:
    std::string reserve(std::type_index type, std::string name, direction way);

    std::map<std::pair<std::type_index, direction>, std::string> names_;
};

/// One member of an object, on its way into a schema.
struct property {
    std::string_view name;
    json::object schema;
    bool required;
};

json::object object_schema(std::vector<property> properties, std::string_view description, direction way);

/// The same, or null.
json::object nullable_schema(json::object schema);

json::object enum_schema(const std::vector<std::string_view>& names, std::string_view description);

/// "page<acme::task>" as C++ writes it becomes "page_task".
std::string component_name(std::string_view type_name);

/// The type's name as the compiler spells it.
std::string type_name(const std::type_info& type);

/// What description_of says; "" without one.
template <class T>
std::string_view description() {
    if constexpr (requires { description_of(std::type_identity<T>{}); })
        return description_of(std::type_identity<T>{});
    else
        return {};
}

/// What schema_name_of says; without one, the struct's unqualified name.
template <class T>
std::string schema_name() {
    if constexpr (requires { schema_name_of(std::type_identity<T>{}); })
        return std::string(schema_name_of(std::type_identity<T>{}));
    else
        return component_name(type_name(typeid(T)));
}

}  // namespace bulkhead::schema
