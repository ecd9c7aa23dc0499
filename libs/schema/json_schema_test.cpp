// SPDX-License-Identifier: Apache-2.0
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <stdexcept>
#include <string>

#include "base/testing/catch.hpp"
#include "schema/schema.hpp"

using namespace bulkhead;
using schema::components;
using schema::direction;

namespace shop {

enum class priority { low, medium };
BOOST_DESCRIBE_ENUM(priority, low, medium)
inline std::string_view description_of(std::type_identity<priority>) { return "How urgent it is"; }

struct tag {
    schema::text<1, 20> name;
};
BOOST_DESCRIBE_STRUCT(tag, (), (name))

struct task_input {
    schema::text<1, 200> title;
    schema::or_default<schema::text<0, 10000>> description;
    schema::or_default<bool, false> completed;
    schema::or_default<priority, priority::medium> level;
    schema::or_default<schema::integer<1, 9>, 5> weight;
    std::optional<utc_time> due_at;
    std::optional<priority> other;
    std::optional<tag> main_tag;
    schema::bounded<tag, 8> tags;
};
BOOST_DESCRIBE_STRUCT(task_input, (),
                      (title, description, completed, level, weight, due_at, other, main_tag, tags))
inline std::string_view description_of(std::type_identity<task_input>) { return "What a task is made of"; }

struct task_patch {
    schema::change<schema::text<1, 200>> title;
    schema::patch<utc_time> due_at;
};
BOOST_DESCRIBE_STRUCT(task_patch, (), (title, due_at))

struct account {
    uuid id;
    schema::email email;
    std::optional<std::string> name;
    std::int64_t version;
    std::vector<tag> tags;
};
BOOST_DESCRIBE_STRUCT(account, (), (id, email, name, version, tags))

struct signup {
    schema::email email;
    schema::password_text password;
};
BOOST_DESCRIBE_STRUCT(signup, (), (email, password))
inline std::string_view schema_name_of(std::type_identity<signup>) { return "new_account"; }

struct node {
    schema::bounded<node, 2> children;
};
BOOST_DESCRIBE_STRUCT(node, (), (children))

struct list_query {
    schema::or_default<schema::integer<1, 100>, 20> limit;
    std::optional<bool> completed;
    schema::email owner;
};
BOOST_DESCRIBE_STRUCT(list_query, (), (limit, completed, owner))

template <class T>
struct page {
    std::vector<T> items;
    BOOST_DESCRIBE_CLASS(page, (), (items), (), ())
};

namespace other {
struct tag {
    bool on;
};
BOOST_DESCRIBE_STRUCT(tag, (), (on))
}  // namespace other

}  // namespace shop

namespace {

void check_equal(const json::value& made, std::string_view expected) {
    CHECK(json::serialize(made) ==
          json::serialize(json::parse(json::string_view(expected.data(), expected.size()))));
}

}  // namespace

TEST_CASE("json schema: a request type", "[schema]") {
    components shared;
    check_equal(schema::schema_of<shop::task_input>(shared, direction::request),
                R"({"$ref":"#/components/schemas/task_input"})");
    check_equal(shared.schemas.at("task_input"), R"({
        "type": "object",
        "description": "What a task is made of",
        "properties": {
            "title": {"type": "string", "minLength": 1, "maxLength": 200},
            "description": {"type": "string", "maxLength": 10000, "default": ""},
            "completed": {"type": "boolean", "default": false},
            "level": {"type": "string", "enum": ["low", "medium"],
                      "description": "How urgent it is", "default": "medium"},
            "weight": {"type": "integer", "minimum": 1, "maximum": 9, "default": 5},
            "due_at": {"type": ["string", "null"], "format": "date-time"},
            "other": {"type": ["string", "null"], "enum": ["low", "medium", null],
                      "description": "How urgent it is"},
            "main_tag": {"anyOf": [{"$ref": "#/components/schemas/tag"}, {"type": "null"}]},
            "tags": {"type": "array", "items": {"$ref": "#/components/schemas/tag"}, "maxItems": 8}
        },
        "required": ["title", "tags"],
        "additionalProperties": false
    })");
    CHECK(shared.schemas.size() == 2);
}

TEST_CASE("json schema: a response type always has all its members", "[schema]") {
    components shared;
    schema::schema_of<shop::account>(shared, direction::response);
    check_equal(shared.schemas.at("account"), R"({
        "type": "object",
        "properties": {
            "id": {"type": "string", "format": "uuid"},
            "email": {"type": "string", "format": "email", "maxLength": 254, "examples": ["ada@example.com"]},
            "name": {"type": ["string", "null"]},
            "version": {"type": "integer", "format": "int64"},
            "tags": {"type": "array", "items": {"$ref": "#/components/schemas/tag"}}
        },
        "required": ["id", "email", "name", "version", "tags"]
    })");
}

TEST_CASE("json schema: a merge patch requires nothing", "[schema]") {
    components shared;
    schema::schema_of<shop::task_patch>(shared, direction::request);
    check_equal(shared.schemas.at("task_patch"), R"({
        "type": "object",
        "properties": {
            "title": {"type": "string", "minLength": 1, "maxLength": 200},
            "due_at": {"type": ["string", "null"], "format": "date-time"}
        },
        "additionalProperties": false
    })");
}

TEST_CASE("json schema: a password, and a name of one's own", "[schema]") {
    components shared;
    check_equal(schema::schema_of<shop::signup>(shared, direction::request),
                R"({"$ref":"#/components/schemas/new_account"})");
    check_equal(shared.schemas.at("new_account").at("properties").at("password"),
                R"({"type":"string","format":"password","minLength":8,"maxLength":256,"writeOnly":true,)"
                R"("examples":["correct horse battery"]})");
}

TEST_CASE("json schema: a type used both ways has two entries", "[schema]") {
    components shared;
    schema::schema_of<shop::tag>(shared, direction::request);
    schema::schema_of<shop::tag>(shared, direction::request);
    CHECK(shared.schemas.size() == 1);
    check_equal(schema::schema_of<shop::tag>(shared, direction::response),
                R"({"$ref":"#/components/schemas/tag_response"})");
    CHECK(shared.schemas.at("tag").as_object().contains("additionalProperties"));
    CHECK_FALSE(shared.schemas.at("tag_response").as_object().contains("additionalProperties"));
}

TEST_CASE("json schema: two types of one name are refused", "[schema]") {
    components shared;
    schema::schema_of<shop::tag>(shared, direction::response);
    CHECK_THROWS_AS(schema::schema_of<shop::other::tag>(shared, direction::response), std::logic_error);
}

TEST_CASE("json schema: a type that contains itself", "[schema]") {
    components shared;
    schema::schema_of<shop::node>(shared, direction::request);
    check_equal(shared.schemas.at("node").at("properties").at("children").at("items"),
                R"({"$ref":"#/components/schemas/node"})");
}

TEST_CASE("json schema: templates are named after their arguments too", "[schema]") {
    components shared;
    check_equal(schema::schema_of<shop::page<shop::tag>>(shared, direction::response),
                R"({"$ref":"#/components/schemas/page_tag"})");
    CHECK(schema::component_name("task") == "task");
    CHECK(schema::component_name("a::b::page<c::d::task>") == "page_task");
    CHECK(schema::component_name("(anonymous namespace)::pair<a::(anonymous namespace)::x, int >") ==
          "pair_x_int");
}

TEST_CASE("json schema: query parameters", "[schema]") {
    components shared;
    check_equal(schema::query_parameters_of<shop::list_query>(shared), R"([
        {"name": "limit", "in": "query", "required": false,
         "schema": {"type": "integer", "minimum": 1, "maximum": 100, "default": 20}},
        {"name": "completed", "in": "query", "required": false, "schema": {"type": "boolean"}},
        {"name": "owner", "in": "query", "required": true,
         "schema": {"type": "string", "format": "email", "maxLength": 254, "examples": ["ada@example.com"]}}
    ])");
}
