// SPDX-License-Identifier: Apache-2.0
// What a handler may ask for beside its context. Each type is a parameter of the handler; where its value
// comes from, how it fails and how it is documented is said here, once.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/uuid.hpp"
#include "http/exchange.hpp"
#include "http/operation.hpp"
#include "schema/schema.hpp"

namespace bulkhead::http {

/// The `{id}` of the path. What is not a UUID cannot exist: 404.
struct path_id {
    uuid value;
};

/// The first `{…}` of the path as text.
struct path_text {
    std::string_view value;
};

/// The query string as a described type.
template <class T>
struct query {
    T value;
};

/// A JSON body as a described type.
template <class T>
struct body {
    T value;
};

/// The same, but the request may come without: then all members are absent.
template <class T>
struct optional_body {
    T value;
};

/// A JSON merge patch (RFC 7396) as a described type; plain JSON is accepted as well.
template <class T>
struct merge_patch {
    T value;
};

/// If-Match and If-None-Match (RFC 9110 section 13.1).
struct preconditions {
    std::optional<std::vector<std::string>> if_match;  // entity tags as sent; {"*"} for any
    std::optional<std::vector<std::string>> if_none_match;

    /// Strong comparison with `etag`; true when the header is absent.
    [[nodiscard]] bool match(std::string_view etag) const;
    /// If-None-Match names `etag` (weak comparison): the client has it already.
    [[nodiscard]] bool already_has(std::string_view etag) const;
};

/// Decoded name-value pairs; errc::malformed_request for broken escapes, UTF-8 or NUL, or more than 64 pairs.
result<schema::query_parameters> parse_query(std::string_view text);

/// errc::unsupported_media_type unless Content-Type is one of `accepted` (parameters: only charset=utf-8).
result<> check_content_type(const exchange& x, std::initializer_list<std::string_view> accepted);

template <class T>
struct argument;

template <>
struct argument<path_id> {
    static result<path_id> from(exchange& x);
    static void document(operation& op);
};

template <>
struct argument<path_text> {
    static result<path_text> from(exchange& x) { return path_text{x.path_parameter(0)}; }
    static void document(operation& op) { op.fails(errc::not_found); }
};

template <>
struct argument<preconditions> {
    static result<preconditions> from(exchange& x);
    static void document(operation& op);
};

template <class T>
struct argument<query<T>> {
    static result<query<T>> from(exchange& x) {
        const auto pairs = parse_query(x.head().query);
        if (!pairs) return std::unexpected(pairs.error());
        auto value = schema::from_query<T>(*pairs);
        if (!value) return std::unexpected(std::move(value.error()));
        return query<T>{std::move(*value)};
    }
    static void document(operation& op) {
        for (auto& parameter : schema::query_parameters_of<T>(op.components))
            op.parameter(parameter.as_object());
        op.fails(errc::malformed_request);
        op.fails(errc::validation_failed);
    }
};

/// Bodies share one way in; only the media types differ.
template <class T>
result<T> read_body(exchange& x, std::initializer_list<std::string_view> types) {
    if (auto ok = check_content_type(x, types); !ok) return std::unexpected(std::move(ok.error()));
    return schema::parse<T>(x.body());
}

template <class T>
void document_body(operation& op, std::initializer_list<std::string_view> types, bool required = true) {
    op.body(schema::schema_of<T>(op.components, schema::direction::request), types, required);
    for (auto code : {errc::malformed_request, errc::content_too_large, errc::unsupported_media_type,
                      errc::validation_failed})
        op.fails(code);
}

template <class T>
struct argument<body<T>> {
    static result<body<T>> from(exchange& x) {
        auto value = read_body<T>(x, {"application/json"});
        if (!value) return std::unexpected(std::move(value.error()));
        return body<T>{std::move(*value)};
    }
    static void document(operation& op) { document_body<T>(op, {"application/json"}); }
};

template <class T>
struct argument<optional_body<T>> {
    static result<optional_body<T>> from(exchange& x) {
        if (x.body().empty()) return optional_body<T>{};
        auto value = read_body<T>(x, {"application/json"});
        if (!value) return std::unexpected(std::move(value.error()));
        return optional_body<T>{std::move(*value)};
    }
    static void document(operation& op) { document_body<T>(op, {"application/json"}, false); }
};

template <class T>
struct argument<merge_patch<T>> {
    static result<merge_patch<T>> from(exchange& x) {
        auto value = read_body<T>(x, {"application/merge-patch+json", "application/json"});
        if (!value) return std::unexpected(std::move(value.error()));
        return merge_patch<T>{std::move(*value)};
    }
    static void document(operation& op) {
        document_body<T>(op, {"application/merge-patch+json", "application/json"});
    }
};

}  // namespace bulkhead::http
