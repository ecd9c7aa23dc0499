// SPDX-License-Identifier: Apache-2.0
// std::variant<T...> in an answer: one of several shapes, told apart by the members they have. Nothing that
// clients send.
#pragma once

#include <string>
#include <variant>

#include "schema/binding.hpp"

namespace bulkhead::schema {

template <class... T>
struct binding<std::variant<T...>> {
    static void write(std::string& out, const std::variant<T...>& value) {
        std::visit([&out]<class Shape>(const Shape& shape) { binding<Shape>::write(out, shape); }, value);
    }
    static json::object schema(components& shared, direction way) {
        return {{"anyOf", json::array{binding<T>::schema(shared, way)...}}};
    }
};

}  // namespace bulkhead::schema
