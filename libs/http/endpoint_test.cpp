// SPDX-License-Identifier: Apache-2.0
#include "http/endpoint.hpp"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>

#include "base/testing/catch.hpp"
#include "http/openapi.hpp"
#include "http/request_reader.hpp"
#include "http/router.hpp"

namespace bulkhead::http {

/// A context that a request either gets or fails to get, as tenants and users do.
struct visitor {
    std::string name;
};

template <>
struct context<visitor> {
    static constexpr access required = access::user;
    static awaitable<result<visitor>> make(exchange& x) {
        const auto name = x.head().find("X-Visitor");
        if (!name) co_return fail(errc::unauthenticated);
        x.set_tenant("acme");
        co_return visitor{std::string(*name)};
    }
    static void document(operation& op) { op.fails(errc::unauthenticated); }
};

namespace {

struct note {
    schema::text<1, 10> title;
};
BOOST_DESCRIBE_STRUCT(note, (), (title))

struct page {
    schema::or_default<bool, false> all;
};
BOOST_DESCRIBE_STRUCT(page, (), (all))

struct echo {
    std::string text;
};
BOOST_DESCRIBE_STRUCT(echo, (), (text))

awaitable<result<echo>> greet(visitor& who) { co_return echo{"hello " + who.name}; }
awaitable<result<echo>> find_text(exchange&, path_text text) { co_return echo{std::string(text.value)}; }
awaitable<result<echo>> find_id(exchange&, path_id id) { co_return echo{id.value.to_string()}; }
awaitable<result<echo>> list(exchange&, query<page> asked) {
    co_return echo{asked.value.all.value() ? "all" : "some"};
}
awaitable<result<created<echo>>> make(visitor& who, body<note> sent) {
    co_return created<echo>{{who.name + ":" + sent.value.title.str()}, "/notes/1", "\"v1\""};
}
awaitable<result<tagged<echo>>> change(exchange&, path_id, preconditions conditions, merge_patch<note> sent) {
    if (!conditions.match("\"v1\"")) co_return fail(errc::precondition_failed);
    co_return tagged<echo>{{sent.value.title.str()}, "\"v2\""};
}
awaitable<result<fresh_or_not_modified<echo>>> fetch(exchange&, preconditions conditions) {
    co_return fresh_or_not_modified<echo>{{"body"}, "\"v1\"", conditions.already_has("\"v1\"")};
}
awaitable<result<no_content>> remove(exchange&) { co_return no_content{}; }
awaitable<result<accepted<echo>>> begin(exchange&, optional_body<page> sent) {
    co_return accepted<echo>{{sent.value.all.value() ? "all" : "some"}, "/jobs/1"};
}
awaitable<result<response>> draw(exchange&) {
    co_return response{.content_type = "image/png", .static_body = "PNG"};
}
awaitable<result<echo>> fall(exchange&) {
    throw std::runtime_error("boom");
    co_return echo{};
}

struct sent {
    std::string line = "GET / HTTP/1.1";
    std::string headers{};
    std::string body{};
    std::string parameter{};
};

awaitable<void> call(exchange& x, awaitable<response> (*handler)(exchange&), response& out) {
    out = co_await handler(x);
}

void rethrow(std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
}

/// Runs a handler as the connection would.
template <auto Handler>
response served(const sent& request) {
    const limits bounds;
    const auto text = request.line + "\r\nHost: x\r\n" + request.headers + "\r\n";
    request_head head;
    REQUIRE(request_reader(bounds).read_head(text, head).state == progress::complete);
    const services nothing;
    exchange x(head, nothing, "r1", {}, runtime::deadline::in(std::chrono::seconds{1}));
    x.set_body(request.body);
    x.set_path_parameter(0, request.parameter);
    response out;
    net::io_context context{1};
    net::co_spawn(context, call(x, &serve<Handler>, out), &rethrow);
    context.run();
    return out;
}

std::string header_of(const response& answer, std::string_view name) {
    for (const auto& [key, value] : answer.headers)
        if (key == name) return value;
    return "";
}

std::string problem_of(const response& answer) {
    REQUIRE(answer.content_type == problem_content_type);
    return std::string(parse_json(answer.body)->at("type").as_string());
}

constexpr auto some_id = "0192d2a4-0000-7000-8000-000000000001";
constexpr auto json_type = "Content-Type: application/json\r\n";

/// The operation object of one handler, with `components` beside it.
json::value documented(void (*mount)(router&)) {
    router routes;
    mount(routes);
    auto document = parse_json(openapi_document(routes, {"t", "1", "d"}));
    REQUIRE(document.has_value());
    return std::move(*document);
}

}  // namespace

TEST_CASE("endpoint: work that goes on, with a body or without", "[http]") {
    const auto without = served<begin>({});
    REQUIRE(without.code == status::accepted);
    REQUIRE(header_of(without, "Location") == "/jobs/1");
    REQUIRE(without.body == R"({"text":"some"})");
    REQUIRE(served<begin>({.headers = json_type, .body = R"({"all":true})"}).body == R"({"text":"all"})");
    REQUIRE(served<begin>({.headers = json_type, .body = R"({"unknown":1})"}).code ==
            status::unprocessable_entity);
    REQUIRE(served<begin>({.body = R"({"all":true})"}).code == status::unsupported_media_type);
}

TEST_CASE("endpoint: a context is made first, and its failure is the answer", "[http]") {
    const auto known = served<greet>({.headers = "X-Visitor: ann\r\n"});
    REQUIRE(known.code == status::ok);
    REQUIRE(known.body == R"({"text":"hello ann"})");
    const auto unknown = served<greet>({});
    REQUIRE(unknown.code == status::unauthorized);
    REQUIRE(problem_of(unknown) == "/problems/unauthenticated");
    // Before the body is looked at: strangers learn nothing about it.
    REQUIRE(served<make>({.headers = json_type, .body = "{"}).code == status::unauthorized);
}

TEST_CASE("endpoint: path parameters", "[http]") {
    REQUIRE(served<find_text>({.parameter = "a b"}).body == R"({"text":"a b"})");
    REQUIRE(served<find_id>({.parameter = some_id}).body == "{\"text\":\"" + std::string(some_id) + "\"}");
    for (auto bad : {"", "1", "0192d2a4-0000-7000-8000-00000000000", "0192d2a4-0000-7000-8000-00000000000g"})
        REQUIRE(problem_of(served<find_id>({.parameter = bad})) == "/problems/not-found");
}

TEST_CASE("endpoint: query parameters", "[http]") {
    REQUIRE(served<list>({.line = "GET /?all=true HTTP/1.1"}).body == R"({"text":"all"})");
    REQUIRE(served<list>({}).body == R"({"text":"some"})");
    for (auto wrong : {"all=maybe", "all=true&all=true", "other=1"})
        REQUIRE(served<list>({.line = "GET /?" + std::string(wrong) + " HTTP/1.1"}).code ==
                status::unprocessable_entity);
    REQUIRE(served<list>({.line = "GET /?all=%ff HTTP/1.1"}).code == status::bad_request);
}

TEST_CASE("endpoint: a JSON body and what is wrong with it", "[http]") {
    struct row {
        std::string type, body;
        unsigned code;
    };
    const std::string good = R"({"title":"x"})";
    const std::vector<row> rows{
        {"application/json", good, 201},
        {"Application/JSON; Charset=\"UTF-8\"", good, 201},
        {"application/json;charset=latin1", good, 415},
        {"application/json;", good, 415},
        {"application/merge-patch+json", good, 415},
        {"text/plain", good, 415},
        {"", good, 415},
        {"application/json", "", 400},
        {"application/json", "{", 400},
        {"application/json", R"({"title":"x","title":"y"})", 400},
        {"application/json", "[]", 422},
        {"application/json", "{}", 422},
        {"application/json", R"({"title":""})", 422},
        {"application/json", R"({"title":"x","more":1})", 422},
    };
    for (const auto& [type, text, code] : rows) {
        INFO(type << " " << text);
        const auto answer =
            served<make>({.headers = "X-Visitor: a\r\nContent-Type: " + type + "\r\n", .body = text});
        REQUIRE(static_cast<unsigned>(answer.code) == code);
    }
    REQUIRE(served<make>({.headers = "X-Visitor: a\r\n", .body = good}).code ==
            status::unsupported_media_type);
}

TEST_CASE("endpoint: the first argument that fails is the answer", "[http]") {
    REQUIRE(served<change>({.headers = "If-Match: v1\r\n", .parameter = "x"}).code == status::not_found);
    REQUIRE(served<change>({.headers = "If-Match: v1\r\n", .parameter = some_id}).code ==
            status::bad_request);
    REQUIRE(served<change>({.parameter = some_id}).code == status::unsupported_media_type);
}

TEST_CASE("endpoint: outcomes become statuses and headers", "[http]") {
    const std::string good = R"({"title":"x"})";
    const auto made = served<make>({.headers = std::string("X-Visitor: a\r\n") + json_type, .body = good});
    REQUIRE(made.code == status::created);
    REQUIRE(made.body == R"({"text":"a:x"})");
    REQUIRE(header_of(made, "Location") == "/notes/1");
    REQUIRE(header_of(made, "ETag") == "\"v1\"");

    const std::string patch_type = "Content-Type: application/merge-patch+json\r\n";
    const sent changing{
        .headers = patch_type + "If-Match: W/\"v1\", \"v1\"\r\n", .body = good, .parameter = some_id};
    REQUIRE(header_of(served<change>(changing), "ETag") == "\"v2\"");
    const sent late{.headers = patch_type + "If-Match: \"v0\"\r\n", .body = good, .parameter = some_id};
    REQUIRE(served<change>(late).code == status::precondition_failed);

    const auto same = served<fetch>({.headers = "If-None-Match: W/\"v1\"\r\n"});
    REQUIRE(same.code == status::not_modified);
    REQUIRE(same.body.empty());
    REQUIRE(header_of(same, "ETag") == "\"v1\"");
    const auto newer = served<fetch>({.headers = "If-None-Match: \"v0\"\r\n"});
    REQUIRE(newer.code == status::ok);
    REQUIRE(newer.body == R"({"text":"body"})");

    REQUIRE(served<remove>({}).code == status::no_content);
    REQUIRE(served<draw>({}).content() == "PNG");
}

TEST_CASE("endpoint: exceptions pass through to the connection", "[http]") {
    REQUIRE_THROWS_AS(served<fall>({}), std::runtime_error);
}

TEST_CASE("preconditions: only lists of entity tags", "[http]") {
    for (auto bad : {"", "v1", "\"v1", "\"a\" \"b\"", "w/\"a\"", "\"a\",*", "*, \"a\""}) {
        INFO(bad);
        REQUIRE(served<fetch>({.headers = "If-None-Match: " + std::string(bad) + "\r\n"}).code ==
                status::bad_request);
    }
    for (auto good : {"*", "\"a\",\"v1\"", "\"a\" , W/\"v1\""}) {
        INFO(good);
        REQUIRE(served<fetch>({.headers = "If-None-Match: " + std::string(good) + "\r\n"}).code ==
                status::not_modified);
    }
}

TEST_CASE("openapi: a signature documents itself", "[http]") {
    const auto document = documented([](router& routes) {
        routes.post<make>("/notes", {.id = "makeNote", .summary = "Makes a note", .tag = "notes"});
        routes.patch<change>(
            "/notes/{id}", {.id = "changeNote", .summary = "", .tag = "notes", .failures = {errc::conflict}});
        routes.get<fetch>("/note", {.id = "fetchNote", .summary = "", .tag = "notes"});
        routes.get<list>("/notes", {.id = "listNotes", .summary = "", .tag = "notes"});
    });
    const auto& making = document.at("paths").at("/notes").at("post");
    REQUIRE(json::serialize(making.at("security")) == R"([{"bearer":[]},{"cookie":[]}])");
    REQUIRE(json::serialize(making.at("tags")) == R"(["notes"])");
    REQUIRE(making.at("operationId") == "makeNote");
    for (auto code : {"201", "400", "401", "413", "415", "422", "503"})
        REQUIRE(making.at("responses").as_object().contains(code));
    REQUIRE(making.at("responses").at("201").at("headers").as_object().contains("Location"));
    REQUIRE(making.at("responses").at("201").at("content").as_object().contains("application/json"));
    const auto& problem =
        making.at("responses").at("422").at("content").at("application/problem+json").at("schema");
    REQUIRE(problem.at("$ref") == "#/components/schemas/problem");
    REQUIRE(making.at("requestBody").at("content").as_object().size() == 1);
    REQUIRE(document.at("components").at("schemas").as_object().contains("note"));

    const auto& changing = document.at("paths").at("/notes/{id}").at("patch").as_object();
    REQUIRE_FALSE(changing.contains("security"));
    REQUIRE(changing.at("requestBody").at("content").as_object().contains("application/merge-patch+json"));
    REQUIRE(changing.at("parameters").as_array().size() == 3);
    for (auto code : {"200", "404", "409", "412"})
        REQUIRE(changing.at("responses").as_object().contains(code));

    const auto& fetching = document.at("paths").at("/note").at("get");
    REQUIRE(fetching.at("responses").at("200").at("headers").as_object().contains("ETag"));
    REQUIRE_FALSE(fetching.at("responses").at("304").as_object().contains("content"));
    const auto& asked = document.at("paths").at("/notes").at("get").at("parameters").at(0);
    REQUIRE(asked.at("name") == "all");
    REQUIRE(asked.at("in") == "query");
}

}  // namespace bulkhead::http
