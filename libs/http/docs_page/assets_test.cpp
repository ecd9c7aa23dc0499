// SPDX-License-Identifier: Apache-2.0
#include "http/docs_page/assets.hpp"

#include <fstream>
#include <iterator>
#include <set>
#include <string>

#include "base/testing/catch.hpp"

namespace docs_page = bulkhead::http::docs_page;

TEST_CASE("docs page: files are embedded byte for byte", "[docs_page]") {
    std::ifstream source("libs/http/docs_page/index.html", std::ios::binary);
    REQUIRE(source);
    const std::string expected{std::istreambuf_iterator<char>(source), {}};
    CHECK(docs_page::index().bytes == expected);
    CHECK(docs_page::index().content_type == "text/html; charset=utf-8");
}

TEST_CASE("docs page: everything that the page loads is there, and nothing comes from elsewhere",
          "[docs_page]") {
    const std::string_view page = docs_page::index().bytes;
    const std::string_view prefix = "\"/api-docs/assets/";
    std::set<std::string_view> loaded;
    for (std::size_t at = page.find(prefix); at != page.npos; at = page.find(prefix, at + 1)) {
        const auto start = at + prefix.size();
        loaded.insert(page.substr(start, page.find('"', start) - start));
    }
    CHECK(loaded.size() == 4);
    for (const auto name : loaded) {
        INFO(std::string(name));
        const auto* asset = docs_page::find(name);
        REQUIRE(asset != nullptr);
        CHECK(asset->bytes.size() > 100);
    }
    CHECK(page.find("://") == page.npos);
    CHECK(page.find("<script>") == page.npos);
}

TEST_CASE("docs page: assets are found by their exact name only", "[docs_page]") {
    CHECK(docs_page::find("swagger-ui-bundle.js")->content_type == "text/javascript; charset=utf-8");
    CHECK(docs_page::find("swagger-ui.css")->content_type == "text/css; charset=utf-8");
    CHECK(docs_page::find("favicon-32x32.png")->bytes.starts_with("\x89PNG"));
    for (const auto* name :
         {"", "index.html", "../index.html", "swagger-ui.css/", "SWAGGER-UI.CSS", "swagger-ui"})
        CHECK(docs_page::find(name) == nullptr);
}

TEST_CASE("docs page: each file has its own entity tag", "[docs_page]") {
    std::set<std::string_view> tags{docs_page::index().etag};
    for (const auto& asset : docs_page::assets()) {
        CHECK(asset.etag.size() > 10);
        CHECK(asset.etag.front() == '"');
        CHECK(asset.etag.back() == '"');
        tags.insert(asset.etag);
    }
    CHECK(tags.size() == docs_page::assets().size() + 1);
}
