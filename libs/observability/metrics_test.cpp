// SPDX-License-Identifier: Apache-2.0
#include "observability/metrics.hpp"

#include <unistd.h>

#include <chrono>
#include <cmath>
#include <limits>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/testing/catch.hpp"
#include "observability/process_metrics.hpp"

using namespace bulkhead::metrics;

TEST_CASE("metrics: text format", "[metrics]") {
    registry all;
    all.add_counter("b_total", "Second.\nWith \\ and \"quotes\".", label("route", "/a\"b\\c\nd")).add(3);
    all.add_counter("b_total", "ignored", R"(method="GET",route="/x")").add();
    all.add_gauge("a_now", "First.").set(-1.5);
    CHECK(all.render() ==
          "# HELP a_now First.\n# TYPE a_now gauge\na_now -1.5\n"
          "# HELP b_total Second.\\nWith \\\\ and \"quotes\".\n# TYPE b_total counter\n"
          "b_total{method=\"GET\",route=\"/x\"} 1\n"
          "b_total{route=\"/a\\\"b\\\\c\\nd\"} 3\n");
}

TEST_CASE("metrics: a histogram is cumulative", "[metrics]") {
    registry all;
    auto& sizes = all.add_histogram("h", "H.", {0.5, 1, 2.5}, label("k", "v"));
    for (const double value : {0.5, 0.50001, 1.0, 2.0, 3.0, std::nan("")}) sizes.observe(value);
    CHECK(all.render() ==
          "# HELP h H.\n# TYPE h histogram\n"
          "h_bucket{k=\"v\",le=\"0.5\"} 1\nh_bucket{k=\"v\",le=\"1\"} 3\nh_bucket{k=\"v\",le=\"2.5\"} 4\n"
          "h_bucket{k=\"v\",le=\"+Inf\"} 5\nh_sum{k=\"v\"} 7.00001\nh_count{k=\"v\"} 5\n");
    CHECK_THROWS_AS(histogram({1, 1}), std::invalid_argument);
    CHECK_THROWS_AS(histogram({2, 1}), std::invalid_argument);
    CHECK_THROWS_AS(histogram({1, INFINITY}), std::invalid_argument);
    CHECK_NOTHROW(histogram(latency_bounds()));
}

TEST_CASE("metrics: shards of one series are added up", "[metrics]") {
    registry all;
    auto& one = all.add_counter("c_total", "C.");
    auto& two = all.add_counter("c_total", "C.");
    CHECK(&one != &two);
    one.add(std::numeric_limits<std::uint64_t>::max() - 1);  // exact, not rounded to a double
    two.add();
    all.add_gauge("g", "G.").add(2);
    all.add_gauge("g", "G.").add(-0.5);
    all.add_gauge_sampler("g", "G.", [] { return 10.0; });
    all.add_histogram("h", "H.", {1}).observe(0.5);
    all.add_histogram("h", "H.", {1}).observe(1.5);
    all.add_counter_sampler("s_total", "S.", [] { return 7.0; });
    const auto text = all.render();
    CHECK(text.find("c_total 18446744073709551615\n") != std::string::npos);
    CHECK(text.find("g 11.5\n") != std::string::npos);
    CHECK(text.find("h_bucket{le=\"1\"} 1\nh_bucket{le=\"+Inf\"} 2\nh_sum 2\nh_count 2\n") !=
          std::string::npos);
    CHECK(text.find("# TYPE s_total counter\ns_total 7\n") != std::string::npos);
}

TEST_CASE("metrics: refuses bad and contradictory names", "[metrics]") {
    registry all;
    for (const auto* const name : {"", "1a", "a-b", "a b", "ä", "a{}"})
        CHECK_THROWS_AS(all.add_counter(name, ""), std::invalid_argument);
    CHECK_NOTHROW(all.add_counter("bh:ok_1", ""));
    CHECK_THROWS_AS(all.add_gauge("bh:ok_1", ""), std::invalid_argument);
    all.add_histogram("h", "", {1, 2});
    CHECK_THROWS_AS(all.add_histogram("h", "", {1, 3}), std::invalid_argument);
}

TEST_CASE("metrics: special values", "[metrics]") {
    registry all;
    auto& value = all.add_gauge("g", "");
    value.set(std::nan(""));
    CHECK(all.render().find("g NaN\n") != std::string::npos);
    value.set(INFINITY);
    CHECK(all.render().find("g +Inf\n") != std::string::npos);
    value.set(-INFINITY);
    CHECK(all.render().find("g -Inf\n") != std::string::npos);
}

TEST_CASE("metrics: threads count without loss while somebody scrapes", "[metrics]") {
    registry all;
    auto& counted = all.add_counter("c_total", "");
    auto& level = all.add_gauge("g", "");
    auto& spread = all.add_histogram("h", "", {1});
    {
        std::vector<std::jthread> threads;
        for (int t = 0; t < 3; ++t)
            threads.emplace_back([&] {
                for (int i = 0; i < 10'000; ++i) {
                    counted.add();
                    level.add(1);
                    spread.observe(i % 2 == 0 ? 0.5 : 2);
                }
            });
        for (int i = 0; i < 20; ++i) CHECK(!all.render().empty());
    }
    CHECK(counted.value() == 30'000);
    CHECK(level.value() == 30'000.0);
    CHECK(spread.in_bucket(0) == 15'000);
    CHECK(spread.in_bucket(1) == 15'000);
    CHECK(spread.sum() == 37'500.0);
}

TEST_CASE("metrics: of the process", "[metrics]") {
    registry all;
    add_process_metrics(all);
    const auto value = [&](const std::string& name) {
        std::istringstream lines(all.render());
        for (std::string line; std::getline(lines, line);)
            if (line.starts_with(name + ' ')) return std::stod(line.substr(name.size() + 1));
        return std::nan("");
    };
    CHECK(value("process_resident_memory_bytes") > 1e6);
    CHECK(value("process_resident_memory_bytes") < 1e12);
    CHECK(value("process_cpu_seconds_total") >= 0);
    CHECK(value("process_threads") >= 1);
    CHECK(value("process_max_fds") > 10);
    const auto before = value("process_open_fds");
    const int extra = ::dup(STDERR_FILENO);
    CHECK(value("process_open_fds") == before + 1);
    ::close(extra);
    const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
    CHECK(std::abs(now.count() - value("process_start_time_seconds")) < 600);
}
