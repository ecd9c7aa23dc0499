// SPDX-License-Identifier: Apache-2.0
#include "http/router.hpp"

#include <stdexcept>

#include "base/testing/catch.hpp"
#include "http/arguments.hpp"
#include "http/openapi.hpp"

using namespace bulkhead;
using namespace bulkhead::http;

namespace {

awaitable<result<no_content>> nothing(exchange&) { co_return no_content{}; }
awaitable<result<no_content>> one(exchange&, path_id) { co_return no_content{}; }

router sample() {
    router r;
    r.get<nothing>("/", {.id = "root", .summary = "", .tag = "t"});
    r.get<nothing>("/api/", {.id = "api", .summary = "", .tag = "t"});
    r.get<nothing>("/api/things", {.id = "list", .summary = "", .tag = "t"});
    r.post<nothing>("/api/things", {.id = "make", .summary = "", .tag = "t"});
    r.get<one>("/api/things/{id}", {.id = "get", .summary = "", .tag = "t"});
    r.del<one>("/api/things/{id}", {.id = "delete", .summary = "", .tag = "t"});
    return r;
}

std::string found(verb method, std::string_view path) {
    const auto routes = sample();
    const auto match = routes.find(method, path);
    if (match.found) return std::string(match.found->texts.id);
    return match.allow.empty() ? "404" : "405 " + match.allow;
}

}  // namespace

TEST_CASE("router: finds rows by method and path", "[http]") {
    REQUIRE(found(verb::get, "/") == "root");
    REQUIRE(found(verb::get, "/api/") == "api");
    REQUIRE(found(verb::head, "/api/things") == "list");
    REQUIRE(found(verb::post, "/api/things") == "make");
    REQUIRE(found(verb::delete_, "/api/things/7") == "delete");
    REQUIRE(found(verb::put, "/api/things") == "405 GET, HEAD, OPTIONS, POST");
    REQUIRE(found(verb::options, "/api/things/1") == "405 DELETE, GET, HEAD, OPTIONS");
}

TEST_CASE("router: what is not a row is nothing", "[http]") {
    for (auto path :
         {"", "/api", "/api/things/", "/api//things", "//", "/api/things/1/2", "/API/things", "*",
          "/api/./things", "/api/x/../things", "/api/%2e%2e/things", "/api/things/%2F", "/api/things/a%00b",
          "/api/things/%ff", "/api/things/%zz", "/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a/a"})
        REQUIRE(found(verb::get, path) == "404");
}

TEST_CASE("router: a method is offered once, however many rows have it", "[http]") {
    auto routes = sample();
    routes.get<nothing>("/api/things/all", {.id = "all", .summary = "", .tag = "t"});
    REQUIRE(routes.find(verb::put, "/api/things/all").allow == "DELETE, GET, HEAD, OPTIONS");
}

TEST_CASE("router: parameters are decoded once", "[http]") {
    const auto routes = sample();
    REQUIRE(routes.find(verb::get, "/api/things/a%20b%2525").parameters[0] == "a b%25");
    REQUIRE(found(verb::get, "/api/%74hings") == "list");
}

TEST_CASE("router: a second row for the same operation is refused", "[http]") {
    auto routes = sample();
    REQUIRE_THROWS_AS(routes.get<nothing>("/", {.id = "other", .summary = "", .tag = "t"}), std::logic_error);
    REQUIRE_THROWS_AS(routes.get<nothing>("/other", {.id = "root", .summary = "", .tag = "t"}),
                      std::logic_error);
}

TEST_CASE("openapi: rows become paths with their failures", "[http]") {
    const auto text = openapi_document(sample(), {"t", "1", "d"});
    const auto document = parse_json(text);
    REQUIRE(document.has_value());
    const auto& paths = document->at("paths").as_object();
    REQUIRE(paths.size() == 4);
    REQUIRE(paths.at("/api/things").as_object().size() == 2);
    const auto& get = paths.at("/api/things/{id}").at("get").as_object();
    REQUIRE(get.at("responses").as_object().contains("404"));
    REQUIRE(get.at("parameters").at(0).at("in") == "path");
    REQUIRE(text == openapi_document(sample(), {"t", "1", "d"}));
}

TEST_CASE("query: pairs are decoded, broken ones refused", "[http]") {
    const auto pairs = parse_query("a=1&b=x+y%26&c");
    REQUIRE(pairs.has_value());
    REQUIRE(*pairs == schema::query_parameters{{"a", "1"}, {"b", "x y&"}, {"c", ""}});
    for (auto bad : {"a=%", "a=%f", "a=%ff", "a=%00"}) REQUIRE_FALSE(parse_query(bad).has_value());
}

TEST_CASE("preconditions: strong for If-Match, weak for If-None-Match", "[http]") {
    preconditions p{.if_match = std::vector<std::string>{"W/\"1\"", "\"2\""},
                    .if_none_match = std::vector<std::string>{"W/\"1\""}};
    REQUIRE_FALSE(p.match("\"1\""));
    REQUIRE(p.match("\"2\""));
    REQUIRE(p.already_has("\"1\""));
    REQUIRE_FALSE(p.already_has("\"2\""));
    REQUIRE(preconditions{}.match("\"1\""));
    REQUIRE_FALSE(preconditions{}.already_has("\"1\""));
}
