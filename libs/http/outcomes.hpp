// SPDX-License-Identifier: Apache-2.0
// What a handler may return inside its result<>. A described type alone is 200 with that body; these wrappers
// add status and headers. How each becomes a response and is documented is said here, once.
#pragma once

#include <string>

#include "http/exchange.hpp"
#include "http/operation.hpp"
#include "http/response.hpp"
#include "schema/schema.hpp"

namespace bulkhead::http {

/// 200 with a strong ETag (RFC 9110 section 8.8.3), quoted already.
template <class T>
struct tagged {
    T value;
    std::string etag;
};

/// 201 with Location, and an ETag unless empty.
template <class T>
struct created {
    T value;
    std::string location;
    std::string etag{};
};

/// 202: the work goes on. `value` tells how far it is, and can be asked for again at Location.
template <class T>
struct accepted {
    T value;
    std::string location;
};

/// 204.
struct no_content {};

/// 304 when the client already has it, else 200 with ETag.
template <class T>
struct fresh_or_not_modified {
    T value;
    std::string etag;
    bool not_modified;
};

template <class T>
response json_response(status code, const T& value) {
    response out{.code = code};
    schema::write_json(out.body, value);
    return out;
}

template <class T>
struct outcome {
    static response to_response(T&& value) { return json_response(status::ok, value); }
    static void document(operation& op) {
        op.answers(200, "Done", schema::schema_of<T>(op.components, schema::direction::response));
    }
};

/// Full control, for pages and assets.
template <>
struct outcome<response> {
    static response to_response(response&& value) { return std::move(value); }
    static void document(operation& op) { op.answers(200, "Done"); }
};

template <>
struct outcome<no_content> {
    static response to_response(no_content) { return {.code = status::no_content}; }
    static void document(operation& op) { op.answers(204, "Done; no content"); }
};

template <class T>
struct outcome<tagged<T>> {
    static response to_response(tagged<T>&& result) {
        auto out = json_response(status::ok, result.value);
        out.header("ETag", std::move(result.etag));
        return out;
    }
    static void document(operation& op) {
        op.answers(200, "Done", schema::schema_of<T>(op.components, schema::direction::response),
                   "application/json", {{"ETag", "Version of the resource"}});
    }
};

template <class T>
struct outcome<created<T>> {
    static response to_response(created<T>&& result) {
        auto out = json_response(status::created, result.value);
        out.header("Location", std::move(result.location));
        if (!result.etag.empty()) out.header("ETag", std::move(result.etag));
        return out;
    }
    static void document(operation& op) {
        op.answers(201, "Created", schema::schema_of<T>(op.components, schema::direction::response),
                   "application/json", {{"Location", "Where the new resource is"}});
    }
};

template <class T>
struct outcome<accepted<T>> {
    static response to_response(accepted<T>&& result) {
        auto out = json_response(status::accepted, result.value);
        out.header("Location", std::move(result.location));
        return out;
    }
    static void document(operation& op) {
        op.answers(202, "Begun; the work goes on",
                   schema::schema_of<T>(op.components, schema::direction::response), "application/json",
                   {{"Location", "Where to see how far the work is"}});
    }
};

template <class T>
struct outcome<fresh_or_not_modified<T>> {
    static response to_response(fresh_or_not_modified<T>&& result) {
        response out{.code = status::not_modified};
        if (!result.not_modified) out = json_response(status::ok, result.value);
        out.header("ETag", std::move(result.etag));
        return out;
    }
    static void document(operation& op) {
        outcome<tagged<T>>::document(op);
        op.answers(304, "The client has this version already");
    }
};

}  // namespace bulkhead::http
