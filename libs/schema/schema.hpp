// SPDX-License-Identifier: Apache-2.0
// A request or response type is described once; parsing, validation, serialisation and JSON Schema come from
// it:
//     struct task_input {
//         schema::text<1, 200> title;
//         schema::or_default<bool, false> completed;
//         std::optional<utc_time> due_at;
//     };
//     BOOST_DESCRIBE_STRUCT(task_input, (), (title, completed, due_at))
// Everything is pure and safe from any thread. Values own their data: nothing refers to the text they came
// from.
#pragma once

#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/json.hpp"
#include "schema/email.hpp"
#include "schema/enumeration.hpp"
#include "schema/integer.hpp"
#include "schema/json_schema.hpp"
#include "schema/list.hpp"
#include "schema/object.hpp"
#include "schema/optional.hpp"
#include "schema/or_default.hpp"
#include "schema/parsed_text.hpp"
#include "schema/password_text.hpp"
#include "schema/patch.hpp"
#include "schema/scalars.hpp"
#include "schema/text.hpp"

namespace bulkhead::schema {

/// errc::validation_failed names every wrong member with its JSON pointer (RFC 6901), not only the first.
/// Codes: required, unknown_member, wrong_type, null_not_allowed, too_short, too_long, blank, out_of_range,
/// invalid_format, not_one_of, too_few_items, too_many_items.
template <class T>
result<T> from_json(const json::value& in) {
    static_assert(readable<T>);
    std::vector<field_error> problems;
    auto out = access::make<T>();
    if (!binding<T>::read(in, place(problems), out)) return not_valid(std::move(problems));
    return out;
}

/// A whole JSON text. errc::malformed_request when it is not strict JSON, else as from_json.
template <class T>
result<T> parse(std::string_view body) {
    const auto document = parse_json(body);
    if (!document) return std::unexpected(document.error());
    return from_json<T>(*document);
}

/// Each member of T is a parameter. errc::validation_failed with pointers "/query/<name>" and, beside the
/// codes of from_json, unknown_parameter and repeated_parameter.
template <described T>
result<T> from_query(const query_parameters& in) {
    std::vector<field_error> problems;
    auto out = access::make<T>();
    const place root(problems);
    if (!binding<T>::members::read_query(in, root.member("query"), out))
        return not_valid(std::move(problems));
    return out;
}

/// Appends `value` as compact JSON, members in their order of description.
template <class T>
void write_json(std::string& out, const T& value) {
    static_assert(writable<T>);
    binding<T>::write(out, value);
}

template <class T>
std::string to_json(const T& value) {
    std::string out;
    write_json(out, value);
    return out;
}

/// The JSON Schema of T; a described struct is put into `shared` and referred to.
template <class T>
json::object schema_of(components& shared, direction way) {
    return binding<T>::schema(shared, way);
}

/// OpenAPI parameter objects, one per member.
template <described T>
json::array query_parameters_of(components& shared) {
    return binding<T>::members::query_schema(shared);
}

}  // namespace bulkhead::schema
