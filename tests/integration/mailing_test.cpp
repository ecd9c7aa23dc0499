// SPDX-License-Identifier: Apache-2.0
// Requests that send mails: what a request asks for is there if it takes effect, and the job can be read.
#include "mailing/post.hpp"
#include "mailing/send_mail.hpp"
#include "queue_house.hpp"

namespace bulkhead::testing {
namespace {

awaitable<result<http::response>> ask_for_mail(tenancy::tenant_context& within) {
    auto& x = within.request();
    auto what = schema::parse<mailing::letter>(
        R"({"to":"ada@example.org","mail":{"reset":{"token":"t","valid_minutes":60}}})");
    if (!what) co_return std::unexpected(what.error());
    auto& by = x.service<queue::outbox>();
    const auto added = co_await mailing::post(by, within, *std::move(what), "reset:ada");
    if (!added) co_return std::unexpected(added.error());
    if (x.head().query == "fall") throw std::runtime_error("after all");
    http::response out{.code = added->made ? http::status::created : http::status::ok};
    out.body = '"' + added->id.to_string() + '"';
    co_return out;
}

void mails(http::router& out) { out.post<ask_for_mail>("/mails", {.id = "mail", .summary = "", .tag = "t"}); }

TEST_CASE("mailing: a request makes the job of a mail, once, and none if it fails", "[integration]") {
    const queue_site site;
    queue_program api(site, {.more_routes = &mails});
    api.ask({"FLUSHALL"});
    CHECK(api.post("/mails?fall", "k1").code == 500);
    CHECK(site.rows() == 0);
    const auto made = api.post("/mails", "k2");
    REQUIRE(made.code == 201);
    CHECK(api.post("/mails", "k2").body == made.body);
    const auto twin = api.post("/mails");
    CHECK(twin.code == 200);
    CHECK(twin.body == made.body);
    REQUIRE(site.rows(
                "kind = 'mail.send' and lane = 1 and most_attempts = 14 and unique_key = 'reset:ada'") == 1);
    const auto kept = schema::parse<mailing::letter>(site.execute("select payload from jobs"));
    REQUIRE(kept);
    CHECK(kept->to.str() == "ada@example.org");
    CHECK(kept->mail.reset.value().token.str() == "t");
    CHECK(comes_true([&] { return api.known(site.tenant) == 1; }));
}

}  // namespace
}  // namespace bulkhead::testing
