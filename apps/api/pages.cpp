// SPDX-License-Identifier: Apache-2.0
#include "pages.hpp"

#include <boost/describe.hpp>

#include "base/version.hpp"
#include "http/docs_page/assets.hpp"
#include "http/endpoint.hpp"

namespace bulkhead::api {

struct banner {
    std::string name;
    std::string version;
    std::string environment;
    std::string docs;
};
BOOST_DESCRIBE_STRUCT(banner, (), (name, version, environment, docs))

struct api_status {
    std::string message;
    std::string status;
};
BOOST_DESCRIBE_STRUCT(api_status, (), (message, status))

namespace {

namespace page = http::docs_page;

constexpr auto from_memory = http::traffic::exempt;

/// The headers are the same when the browser has it already: what it has takes them over (RFC 9111 section
/// 4.3.4).
http::response asset_response(const page::asset& asset, const http::preconditions& asked) {
    http::response out{.content_type = asset.content_type};
    if (asked.already_has(asset.etag))
        out.code = http::status::not_modified;
    else
        out.static_body = asset.bytes;
    out.header("Content-Security-Policy", std::string(page::content_security_policy));
    out.header("Cache-Control", "no-cache");
    out.header("ETag", std::string(asset.etag));
    return out;
}

// GET /
awaitable<result<banner>> get_banner(http::exchange& x) {
    co_return banner{"Bulkhead", std::string(version_text), x.service<self_description>().environment,
                     "/api-docs"};
}

// GET /api/
awaitable<result<api_status>> get_api(http::exchange&) {
    co_return api_status{"Bulkhead API v1", "operational"};
}

// GET /openapi.json
awaitable<result<http::response>> get_openapi(http::exchange& x) {
    co_return http::response{.static_body = x.service<self_description>().openapi};
}

// GET /api-docs, /docs
awaitable<result<http::response>> get_docs(http::exchange&, http::preconditions asked) {
    co_return asset_response(page::index(), asked);
}

// GET /api-docs/assets/{file}
awaitable<result<http::response>> get_asset(http::exchange&, http::path_text name,
                                            http::preconditions asked) {
    const auto* found = page::find(name.value);
    if (!found) co_return fail(errc::not_found);
    co_return asset_response(*found, asked);
}

}  // namespace

void mount_banner(http::router& routes) {
    routes.get<get_banner>(
        "/", {.id = "getBanner", .summary = "What this is", .tag = "about", .lane = from_memory});
    routes.get<get_api>("/api/",
                        {.id = "getApi", .summary = "State of the API", .tag = "about", .lane = from_memory});
}

void mount_docs(http::router& routes) {
    constexpr auto free_of_charge = http::rate_class::none;  // static text, and many files for one page
    routes.get<get_openapi>(
        "/openapi.json",
        {.id = "getOpenapi", .summary = "This document", .tag = "docs", .rate = free_of_charge});
    routes.get<get_docs>("/api-docs",
                         {.id = "getDocs", .summary = "Swagger UI", .tag = "docs", .rate = free_of_charge});
    routes.get<get_docs>(
        "/docs", {.id = "getDocsToo", .summary = "Swagger UI", .tag = "docs", .rate = free_of_charge});
    routes.get<get_asset>(
        "/api-docs/assets/{file}",
        {.id = "getDocsAsset", .summary = "Files of Swagger UI", .tag = "docs", .rate = free_of_charge});
}

}  // namespace bulkhead::api
