// SPDX-License-Identifier: Apache-2.0
// Enums as text, the same in JSON, in queries and in database columns. BOOST_DESCRIBE_ENUM gives the names;
// where a spelling is not an identifier, a table beside the enum gives them instead:
//     constexpr auto spellings_of(std::type_identity<task_order>) {
//         return std::to_array<schema::spelling<task_order>>({{task_order::newest, "-created_at"}, …});
//     }
#pragma once

#include <array>
#include <boost/describe/enum.hpp>
#include <boost/describe/enumerators.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <typeinfo>
#include <vector>

#include "schema/binding.hpp"

namespace bulkhead::schema {

template <class E>
struct spelling {
    E value;
    std::string_view text;
};

template <class E>
concept spelled_out = requires {
    spellings_of(std::type_identity<E>{});
};

template <class E>
concept named_enum = std::is_enum_v<E> &&
    (spelled_out<E> || boost::describe::has_describe_enumerators<E>::value);

template <class E, template <class...> class List, class... Enumerator>
constexpr auto described_spellings(List<Enumerator...>) {
    return std::array<spelling<E>, sizeof...(Enumerator)>{{{Enumerator::value, Enumerator::name}...}};
}

template <class E>
constexpr auto make_spellings() {
    if constexpr (spelled_out<E>)
        return spellings_of(std::type_identity<E>{});
    else
        return described_spellings<E>(boost::describe::describe_enumerators<E>{});
}

/// All values with their text, in the order they were given.
template <named_enum E>
inline constexpr auto spellings = make_spellings<E>();

/// For a value that is in no table: a bug. Throws std::logic_error.
[[noreturn]] void throw_unnamed_enum(const std::type_info& type);

/// The text of `value`; lives as long as the program.
template <named_enum E>
std::string_view enum_name(E value) {
    for (const auto& row : spellings<E>)
        if (row.value == value) return row.text;
    throw_unnamed_enum(typeid(E));
}

/// The value spelled `text`, to the letter.
template <named_enum E>
std::optional<E> enum_from(std::string_view text) noexcept {
    for (const auto& row : spellings<E>)
        if (row.text == text) return row.value;
    return std::nullopt;
}

/// All texts, in the order of the table.
template <named_enum E>
std::vector<std::string_view> enum_names() {
    std::vector<std::string_view> out;
    for (const auto& row : spellings<E>) out.push_back(row.text);
    return out;
}

bool refuse_enum(const place& at, const std::vector<std::string_view>& allowed);

template <named_enum E>
struct binding<E> : required_binding {
    static bool read(const json::value& in, const place& at, E& out) {
        const auto* text = expect_string(in, at);
        return text != nullptr && read_text(std::string_view(*text), at, out);
    }
    static bool read_text(std::string_view in, const place& at, E& out) {
        const auto value = enum_from<E>(in);
        if (!value) return refuse_enum(at, enum_names<E>());
        out = *value;
        return true;
    }
    static void write(std::string& out, E value) { append_json_string(out, enum_name(value)); }
    static json::object schema(components&, direction) {
        return enum_schema(enum_names<E>(), description<E>());
    }
};

}  // namespace bulkhead::schema
