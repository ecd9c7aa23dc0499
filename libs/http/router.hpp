// SPDX-License-Identifier: Apache-2.0
// The route table. Features add rows while the program is wired; afterwards it is read-only and shared by all
// reactors. Rows keep their order: it is the order of the OpenAPI document.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "http/endpoint.hpp"
#include "http/exchange.hpp"
#include "http/route.hpp"

namespace bulkhead::http {

class router {
public:
    /// Adds an operation. Handler is a free coroutine (see endpoint.hpp). Throws std::logic_error for a
    /// duplicate method + path or operation id.
    template <auto Handler>
    void get(std::string_view path, operation_texts texts) {
        add(make_route<Handler>(verb::get, path, texts));
    }
    template <auto Handler>
    void post(std::string_view path, operation_texts texts) {
        add(make_route<Handler>(verb::post, path, texts));
    }
    template <auto Handler>
    void put(std::string_view path, operation_texts texts) {
        add(make_route<Handler>(verb::put, path, texts));
    }
    template <auto Handler>
    void patch(std::string_view path, operation_texts texts) {
        add(make_route<Handler>(verb::patch, path, texts));
    }
    template <auto Handler>
    void del(std::string_view path, operation_texts texts) {
        add(make_route<Handler>(verb::delete_, path, texts));
    }

    struct match {
        const route* found = nullptr;  // null: 404, or 405 when `allow` says what the path offers
        std::string allow{};           // "GET, HEAD, POST"; empty: no such path
        std::array<std::string, exchange::max_path_parameters> parameters{};
    };

    /// Finds the row for a request. HEAD is served by GET rows. `path` is as received: each segment is
    /// decoded once, and a segment that decodes to "." or ".." or contains a slash or NUL matches nothing.
    [[nodiscard]] match find(verb method, std::string_view path) const;

    [[nodiscard]] std::span<const route> rows() const noexcept { return rows_; }

private:
    struct pattern {
        std::vector<std::string_view> segments;  // "{…}" stands for anything but empty
    };
    void add(route row);

    std::vector<route> rows_;
    std::vector<pattern> patterns_;  // parallel to rows_
};

}  // namespace bulkhead::http
