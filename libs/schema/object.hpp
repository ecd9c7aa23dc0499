// SPDX-License-Identifier: Apache-2.0
// Structs described with BOOST_DESCRIBE_STRUCT: each public member, inherited ones first, is a member of the
// JSON object or a query parameter of the same name.
#pragma once

#include <array>
#include <boost/describe/class.hpp>
#include <boost/describe/members.hpp>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "schema/binding.hpp"

namespace bulkhead::schema {

/// Decoded name-value pairs of a query string, in their order.
using query_parameters = std::vector<std::pair<std::string, std::string>>;

template <class T>
concept described = std::is_class_v<T> && boost::describe::has_describe_members<T>::value;

template <described T>
using members_of =
    boost::describe::describe_members<T, boost::describe::mod_public | boost::describe::mod_inherited>;

template <class T, class M>
M member_type_of(M T::*);

/// The type of a member from its descriptor.
template <class Descriptor>
using member_type = decltype(member_type_of(Descriptor::pointer));

/// `,"name":`, made by the compiler; a name is a C++ identifier, so nothing needs escaping.
template <class Descriptor>
struct member_key {
    static constexpr std::string_view name = Descriptor::name;
    static constexpr auto bytes = [] {
        std::array<char, name.size() + 4> out{',', '"'};
        for (std::size_t i = 0; i < name.size(); ++i) out[i + 2] = name[i];
        out[name.size() + 2] = '"';
        out[name.size() + 3] = ':';
        return out;
    }();
    static constexpr std::string_view text{bytes.data(), bytes.size()};
};

/// Null after refusing what is not an object.
const json::object* expect_object(const json::value& in, const place& at);

/// Refuse every member or parameter that is not one of `names`, and every parameter that comes twice. False
/// if any.
bool refuse_unknown(const json::object& in, std::span<const std::string_view> names, const place& at);
bool refuse_strange(const query_parameters& in, std::span<const std::string_view> names, const place& at);

/// The first of that name, or null.
const std::string* find_parameter(const query_parameters& in, std::string_view name) noexcept;

bool refuse_missing(const place& at);

template <class M>
bool read_member(const json::object& in, std::string_view name, const place& at, M& out, std::size_t& found) {
    const auto* value = in.if_contains(name);
    if (value == nullptr) return !binding<M>::required || refuse_missing(at.member(name));
    ++found;
    return read_value(*value, at.member(name), out);
}

template <class M>
bool read_parameter(const query_parameters& in, std::string_view name, const place& at, M& out) {
    static_assert(query_readable<M>, "this type cannot be a query parameter");
    const auto* text = find_parameter(in, name);
    if (text == nullptr) return !binding<M>::required || refuse_missing(at.member(name));
    return binding<M>::read_text(*text, at.member(name), out);
}

/// What the compiler knows of T's members.
template <class T, class Members>
struct member_list;

template <class T, template <class...> class List, class... D>
struct member_list<T, List<D...>> {
    static constexpr std::array<std::string_view, sizeof...(D)> names{D::name...};

    static bool read(const json::object& in, const place& at, T& out) {
        bool sound = true;
        std::size_t found = 0;
        ((sound &= read_member(in, D::name, at, out.*D::pointer, found)), ...);
        return (found == in.size() || refuse_unknown(in, names, at)) && sound;
    }

    static bool read_query(const query_parameters& in, const place& at, T& out) {
        bool sound = true;
        ((sound &= read_parameter(in, D::name, at, out.*D::pointer)), ...);
        return refuse_strange(in, names, at) && sound;
    }

    static void write(std::string& out, const T& value) {
        static_assert((writable<member_type<D>> && ...), "a member of this type must never be sent");
        const auto start = out.size();
        ((out += member_key<D>::text, binding<member_type<D>>::write(out, value.*D::pointer)), ...);
        if constexpr (sizeof...(D) == 0) out += '{';
        out[start] = '{';  // in place of the first comma
        out += '}';
    }

    static json::object schema(components& shared, direction way) {
        std::vector<property> properties;
        (properties.push_back({D::name, binding<member_type<D>>::schema(shared, way),
                               way == direction::response || binding<member_type<D>>::required}),
         ...);
        return object_schema(std::move(properties), description<T>(), way);
    }

    static json::array query_schema(components& shared) {
        json::array out;
        (out.push_back({{"name", D::name},
                        {"in", "query"},
                        {"required", binding<member_type<D>>::required},
                        {"schema", query_schema_of<member_type<D>>(shared)}}),
         ...);
        return out;
    }
};

template <described T>
struct binding<T> : required_binding {
    using members = member_list<T, members_of<T>>;

    static bool read(const json::value& in, const place& at, T& out) {
        const auto* object = expect_object(in, at);
        return object != nullptr && members::read(*object, at, out);
    }
    static void write(std::string& out, const T& value) { members::write(out, value); }
    static json::object schema(components& shared, direction way) {
        return shared.reference(typeid(T), schema_name<T>(), way, &members::schema);
    }
};

}  // namespace bulkhead::schema
