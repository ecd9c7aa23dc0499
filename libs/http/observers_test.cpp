// SPDX-License-Identifier: Apache-2.0
// Those who hear of every answer: the access log and the numbers by route.
#include <fmt/format.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/testing/catch.hpp"
#include "http/access_log.hpp"
#include "http/route_metrics.hpp"
#include "http/testing/parsed_request.hpp"
#include "observability/log.hpp"

using namespace bulkhead;
using namespace bulkhead::http;
using namespace std::chrono_literals;

namespace {

awaitable<result<response>> nothing(exchange&) { co_return response{}; }

void tell(answer_observer& observer, unsigned code, std::chrono::nanoseconds took,
          const route* row = nullptr) {
    const testing::parsed_request request("GET");
    const auto x = request.exchange();
    const response answer{.code = static_cast<status>(code)};
    observer.on_answer({.head = x.head(),
                        .row = row,
                        .request_id = x.request_id(),
                        .answer = answer,
                        .bytes = 100,
                        .duration = took,
                        .request = &x});
}

/// The lines that `work` logs.
template <class Work>
std::size_t lines_of(Work work) {
    const auto file =
        std::filesystem::temp_directory_path() / fmt::format("bulkhead_observers_{}.log", ::getpid());
    log::start({.file = file.string()});
    work();
    log::stop();
    std::ifstream written(file);
    const std::string text{std::istreambuf_iterator<char>(written), {}};
    std::filesystem::remove(file);
    std::filesystem::remove(file.string() + ".error");
    return static_cast<std::size_t>(std::ranges::count(text, '\n'));
}

}  // namespace

TEST_CASE("access log: all, none, or about the part that is wanted", "[http]") {
    const auto lines = [](double part) {
        return lines_of([part] {
            access_log log({.part = part});
            for (int i = 0; i < 1000; ++i) tell(log, 200, 1ms);
        });
    };
    CHECK(lines(1) == 1000);
    CHECK(lines(0) == 0);
    const auto tenth = lines(0.1);
    CHECK(tenth > 30);  // 100 expected, give or take seven standard deviations
    CHECK(tenth < 170);
}

TEST_CASE("access log: what is slow or fails is there in any case, within bounds", "[http]") {
    CHECK(lines_of([] {
              access_log log({.part = 0, .slow = 500ms});
              tell(log, 200, 499ms);
              tell(log, 200, 500ms);
              tell(log, 499, 1ms);
              tell(log, 500, 1ms);
          }) == 2);
    const auto flood = lines_of([] {
        access_log log({.part = 0});
        for (unsigned i = 0; i < 10 * access_log::most_exceptions; ++i) tell(log, 503, 1ms);
    });
    CHECK(flood >= access_log::most_exceptions);
    CHECK(flood < 10 * access_log::most_exceptions);  // a new second may begin meanwhile
}

TEST_CASE("route metrics: counted at the row, all others together", "[http]") {
    router routes;
    routes.get<nothing>("/a/{id}", {.id = "getA", .summary = "", .tag = "t"});
    routes.post<nothing>("/a", {.id = "postA", .summary = "", .tag = "t"});
    metrics::registry registry;
    route_metrics one(routes, registry), two(routes, registry);  // reactors
    const auto* const get = &routes.rows()[0];
    const auto* const post = &routes.rows()[1];
    tell(one, 200, 2ms, get);
    tell(two, 200, 30ms, get);
    tell(two, 404, 1ms, get);
    tell(one, 201, 1ms, post);
    tell(one, 404, 1ms);
    tell(one, 405, 1ms);
    const auto page = registry.render();
    INFO(page);
    const auto has = [&](std::string_view line) { return page.find(line) != std::string::npos; };
    CHECK(has("bulkhead_http_requests_total{method=\"GET\",route=\"/a/{id}\",code=\"200\"} 2\n"));
    CHECK(has("bulkhead_http_requests_total{method=\"GET\",route=\"/a/{id}\",code=\"404\"} 1\n"));
    CHECK(has("bulkhead_http_requests_total{method=\"POST\",route=\"/a\",code=\"201\"} 1\n"));
    CHECK(has("bulkhead_http_requests_total{method=\"any\",route=\"unknown\",code=\"404\"} 1\n"));
    CHECK(has(
        "bulkhead_http_request_duration_seconds_bucket{method=\"GET\",route=\"/a/{id}\",le=\"0.0025\"} 2\n"));
    CHECK(has("bulkhead_http_request_duration_seconds_count{method=\"GET\",route=\"/a/{id}\"} 3\n"));
    CHECK(has("bulkhead_http_request_duration_seconds_count{method=\"any\",route=\"unknown\"} 2\n"));
}
