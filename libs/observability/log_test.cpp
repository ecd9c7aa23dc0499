// SPDX-License-Identifier: Apache-2.0
// Runs the log against files, pipes and nothing at all in place of stdout.
#include "observability/log.hpp"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <thread>
#include <vector>

#include "base/json.hpp"
#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace std::chrono_literals;

namespace {

std::string content(const std::string& path) {
    std::ifstream file(path);
    return {std::istreambuf_iterator<char>(file), {}};
}

std::vector<std::string> lines_of(const std::string& path) {
    std::istringstream text(content(path));
    std::vector<std::string> out;
    for (std::string line; std::getline(text, line);) out.push_back(line);
    return out;
}

class folder {
public:
    folder() {
        std::string path = "/tmp/bulkhead_log_XXXXXX";
        path_ = ::mkdtemp(path.data());
    }
    ~folder() { std::filesystem::remove_all(path_); }
    [[nodiscard]] std::string operator/(std::string_view name) const {
        return path_ + '/' + std::string(name);
    }

private:
    std::string path_;
};

/// Puts `fd` in the place of `standard` while it lives. Stops the log before it puts the real one back.
class redirected {
public:
    redirected(int standard, int fd) : standard_(standard) {
        std::fflush(nullptr);
        kept_ = ::fcntl(standard, F_DUPFD_CLOEXEC, 10);
        ::dup2(fd, standard);
        ::close(fd);
    }
    ~redirected() {
        log::stop();
        ::dup2(kept_, standard_);
        ::close(kept_);
    }

private:
    int standard_;
    int kept_;
};

int create(const std::string& path) {
    return ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
}

std::uint64_t number(const json::value& line, std::string_view key) {
    return line.at(key).to_number<std::uint64_t>();
}

}  // namespace

TEST_CASE("log: JSON lines on stdout with bound fields", "[log]") {
    const folder dir;
    {
        const redirected out(STDOUT_FILENO, create(dir / "out"));
        log::start({});
        const auto request = log::logger{}.with({"request_id", "r-1"});
        const auto scoped = request.with({"tenant", "acme"});
        scoped.info("served", {{"status", 200}});
        request.warn("odd");
        log::error("broken", {{"reason", std::string("disk")}});
        log::debug("invisible");
        CHECK(!log::enabled(log::level::debug));
        CHECK(scoped.enabled(log::level::info));
        CHECK(!log::enabled(log::level::off));
    }
    const auto lines = lines_of(dir / "out");
    REQUIRE(lines.size() == 3);
    const auto first = parse_json(lines[0]);
    REQUIRE(first);
    CHECK(first->at("message") == "served");
    CHECK(first->at("level") == "info");
    CHECK(first->at("request_id") == "r-1");
    CHECK(first->at("tenant") == "acme");
    CHECK(number(*first, "status") == 200);
    CHECK(lines[1].find("tenant") == std::string::npos);
    CHECK(lines[2].find("\"level\":\"error\"") != std::string::npos);
}

TEST_CASE("log: plain lines have no colours off a terminal", "[log]") {
    const folder dir;
    {
        const redirected out(STDOUT_FILENO, create(dir / "out"));
        log::start({.json = false});
        log::logger{}.with({"tenant", "acme"}).info("hello");
    }
    const auto lines = lines_of(dir / "out");
    REQUIRE(lines.size() == 1);
    CHECK(lines[0].substr(12) == " INFO  hello  tenant=acme");
}

TEST_CASE("log: the level changes at run time", "[log]") {
    const folder dir;
    {
        const redirected out(STDOUT_FILENO, create(dir / "out"));
        log::start({.threshold = log::level::error});
        log::warn("no");
        log::set_level(log::level::debug);
        log::debug("yes");
        log::set_level(log::level::off);
        log::error("no");
    }
    CHECK(lines_of(dir / "out").size() == 1);
    CHECK(log::parse_level("warn") == log::level::warn);
    CHECK(log::parse_level("off") == log::level::off);
    CHECK(!log::parse_level("WARN"));
    CHECK(log::level_name(log::level::trace) == "trace");
}

TEST_CASE("log: not started, warnings go to stderr", "[log]") {
    const folder dir;
    {
        const redirected err(STDERR_FILENO, create(dir / "err"));
        log::info("quiet");
        log::warn("loud");
        log::stop();
        log::stop();
        log::error("still loud");
    }
    const auto lines = lines_of(dir / "err");
    REQUIRE(lines.size() == 2);
    CHECK(lines[0].find("loud") != std::string::npos);
}

TEST_CASE("log: files rotate, errors have one of their own", "[log]") {
    const folder dir;
    {
        const redirected out(STDOUT_FILENO, create(dir / "out"));
        log::start({.file = dir / "app.log", .file_max_bytes = 2000, .files = 3});
        for (int i = 0; i < 100; ++i) log::info("line", {{"n", i}});
        log::error("bad");
    }
    CHECK(lines_of(dir / "out").size() == 101);
    CHECK(std::filesystem::exists(dir / "app.1.log"));
    CHECK(std::filesystem::exists(dir / "app.2.log"));
    CHECK(!std::filesystem::exists(dir / "app.3.log"));
    CHECK(std::filesystem::file_size(dir / "app.log") <= 2000);
    const auto errors = lines_of(dir / "app.log.error");
    REQUIRE(errors.size() == 1);
    CHECK(errors[0].find("bad") != std::string::npos);
    CHECK(lines_of(dir / "app.log").back().find("bad") != std::string::npos);
}

TEST_CASE("log: a file that cannot be written is one warning", "[log]") {
    const folder dir;
    std::ofstream(dir / "not_a_folder") << "x";
    for (const auto& path : {dir / "not_a_folder/app.log", std::string("/dev/full")}) {
        std::filesystem::remove(dir / "out");
        {
            const redirected out(STDOUT_FILENO, create(dir / "out"));
            log::start({.file = path});
            for (int i = 0; i < 50; ++i) log::info("line");
            std::this_thread::sleep_for(20ms);
            for (int i = 0; i < 50; ++i) log::info("line");
        }
        const auto lines = lines_of(dir / "out");
        CHECK(lines.size() == 101);
        CHECK(std::ranges::count_if(lines, [](const std::string& line) {
                  return line.find("log file cannot be written") != std::string::npos;
              }) == 1);
    }
}

TEST_CASE("log: many threads lose nothing that fits the queue", "[log]") {
    constexpr int threads = 4;
    constexpr int each = 1500;
    const folder dir;
    const auto dropped_before = log::dropped();
    {
        const redirected out(STDOUT_FILENO, create(dir / "out"));
        log::start({});
        std::vector<std::jthread> all;
        for (int t = 0; t < threads; ++t)
            all.emplace_back([t] {
                const auto mine = log::logger{}.with({"thread", t});
                for (int i = 0; i < each; ++i) mine.info("line", {{"n", i}});
            });
        all.clear();
        log::set_level(log::level::info);
    }
    const auto lines = lines_of(dir / "out");
    CHECK(lines.size() == threads * each);
    CHECK(log::dropped() == dropped_before);
    std::vector<std::uint64_t> next(threads, 0);
    for (const auto& line : lines) {
        const auto parsed = parse_json(line);
        REQUIRE(parsed);
        REQUIRE(number(*parsed, "n") == next[number(*parsed, "thread")]++);  // in order
    }
}

TEST_CASE("log: logging while it starts and stops is safe", "[log]") {
    const folder dir;
    const redirected err(STDERR_FILENO, create(dir / "err"));
    const redirected out(STDOUT_FILENO, create(dir / "out"));
    {
        std::vector<std::jthread> all;
        for (int t = 0; t < 2; ++t)
            all.emplace_back([](const std::stop_token& end) {
                while (!end.stop_requested()) log::warn("x");
            });
        for (int i = 0; i < 5; ++i) {
            log::start({});
            std::this_thread::sleep_for(2ms);
            log::stop();
        }
    }
    CHECK(!lines_of(dir / "out").empty());
}

TEST_CASE("log: a stuck stdout blocks nobody, and what is lost is counted", "[log]") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    const folder dir;
    const auto dropped_before = log::dropped();
    {
        const redirected out(STDOUT_FILENO, ends[1]);
        log::start({.file = dir / "app.log"});
        const std::string text(500, 'x');
        const auto begin = std::chrono::steady_clock::now();
        auto slowest = 0ns;
        for (int i = 0; i < 20'000; ++i) {
            const auto one = std::chrono::steady_clock::now();
            log::info(text);
            slowest = std::max<std::chrono::nanoseconds>(slowest, std::chrono::steady_clock::now() - one);
        }
        CHECK(slowest < 900ms);  // stdout is waited for 1 s, by the log's own thread
        log::stop();
        CHECK(std::chrono::steady_clock::now() - begin < 10s);
    }
    CHECK(log::dropped() - dropped_before > 1000);
    CHECK(log::dropped() - dropped_before <= 20'000);
    CHECK(std::filesystem::file_size(dir / "app.log") > 0);
    ::close(ends[0]);
}

TEST_CASE("log: a stdout that nobody reads any more does not kill", "[log]") {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    ::close(ends[0]);
    const auto dropped_before = log::dropped();
    {
        const redirected out(STDOUT_FILENO, ends[1]);
        log::start({});
        log::error("nobody reads this");
    }
    CHECK(log::dropped() == dropped_before + 1);
}
