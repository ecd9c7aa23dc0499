// SPDX-License-Identifier: Apache-2.0
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <sstream>
#include <stdexcept>
#include <thread>

#include "base/sanitized.hpp"
#include "base/testing/catch.hpp"
#include "base/thread.hpp"
#include "telemetry/crash_handler.hpp"
#include "telemetry/crash_report.hpp"
#include "telemetry/signal_text.hpp"
#include "telemetry/symbols.hpp"

using namespace bulkhead::telemetry;

namespace {

std::string own_maps() {
    std::ostringstream out;
    out << std::ifstream("/proc/self/maps").rdbuf();
    return out.str();
}

struct end {
    int signal = 0;  // 0: it was none
    std::string words{};
};

/// What becomes of a process that catches crashes and then does `how`.
end crash(void (*how)()) {
    int ends[2];
    REQUIRE(::pipe(ends) == 0);
    const auto child = ::fork();
    if (child == 0) {
        ::dup2(ends[1], STDERR_FILENO);
        for (const int number : {SIGSEGV, SIGABRT, SIGFPE}) ::signal(number, SIG_DFL);  // Catch2's
        catch_crashes({.program = "crash_test"});
        std::thread([how] {
            bulkhead::prepare_thread("victim");
            how();
        }).join();
        ::_exit(0);
    }
    ::close(ends[1]);
    end out;
    char piece[1024];
    for (auto count = ::read(ends[0], piece, sizeof piece); count > 0;
         count = ::read(ends[0], piece, sizeof piece))
        out.words.append(piece, static_cast<std::size_t>(count));
    ::close(ends[0]);
    int status = 0;
    ::waitpid(child, &status, 0);
    if (WIFSIGNALED(status)) out.signal = WTERMSIG(status);
    return out;
}

volatile int* nowhere = nullptr;

volatile bool is_deep_enough = false;  // never: until the stack is full

[[gnu::noinline]] int deeper(volatile char* before) {
    volatile char here[1024];
    here[0] = before ? before[0] : '\0';
    return is_deep_enough ? 0 : deeper(here) + here[0];
}

[[gnu::noinline]] int a_function_to_find(int x) { return x + 1; }

}  // namespace

TEST_CASE("crash: the last words of a program that dies of its signal", "[telemetry]") {
    if (bulkhead::sanitized) return;  // it has the last word itself
    const auto contains = [](const end& of, const char* part) {
        return of.words.find(part) != std::string::npos;
    };
    const auto null = crash([] { *nowhere = 1; });
    CHECK(null.signal == SIGSEGV);
    CHECK(contains(null, "crash_test crashed: SIGSEGV at 0x0 in thread victim: +0x"));
    const auto overflow = crash([] { deeper(nullptr); });
    CHECK(overflow.signal == SIGSEGV);
    CHECK(contains(overflow, "SIGSEGV"));
    const auto thrown = crash([] { throw std::runtime_error("nobody\ncaught"); });
    CHECK(thrown.signal == SIGABRT);
    CHECK(contains(thrown, "(uncaught std::runtime_error: nobody?caught)"));
    CHECK(crash([] { ::raise(SIGBUS); }).signal == SIGBUS);
    const auto jump = crash([] { reinterpret_cast<void (*)()>(8)(); });
    CHECK(jump.signal == SIGSEGV);
    INFO(jump.words);
    CHECK(contains(jump, "victim: 0x8"));
}

TEST_CASE("crash: text without allocations", "[telemetry]") {
    signal_text<64> text;
    text.add("a").add_number(7, 3).add(" ").add_hex(0xbeef).add(" ").add_number(0).add_clean("\n\"x\xff");
    CHECK(text.view() == "a007 0xbeef 0??x?");
    signal_text<4> small;
    small.add("abc").add("def").add("g");
    CHECK(small.view() == "abcd");
}

TEST_CASE("crash: a memory map is read", "[telemetry]") {
    const auto maps = parse_maps(
        "55d0-55e0 r-xp 00001000 08:01 42   /usr/bin/a b\n"
        "7f00-7f10 rw-p 00000000 00:00 0\n"
        "7f10-7f20 r--p 00000000 00:00 0 [vdso]\nbroken /\n");
    REQUIRE(maps.size() == 2);
    CHECK(maps[0].begin == 0x55d0);
    CHECK(maps[0].end == 0x55e0);
    CHECK(maps[0].offset == 0x1000);
    CHECK(maps[0].code);
    CHECK(maps[0].file == "/usr/bin/a b");
    CHECK(!maps[1].code);
}

TEST_CASE("crash: addresses get their names", "[telemetry]") {
    const auto maps = parse_maps(own_maps());
    std::vector<crash_frame> frames(2);
    frames[0].address = reinterpret_cast<std::uintptr_t>(&a_function_to_find);
    frames[1].address = 1;
    resolve(frames, maps);
    CHECK(frames[0].function.find("a_function_to_find(int)") != std::string::npos);
    CHECK(frames[0].file.find("telemetry_test") != std::string::npos);
    CHECK(frames[1].function.empty());
    const auto images = images_of(maps, frames);
    REQUIRE(images.size() == 1);
    CHECK(images[0].address == frames[0].image);
    CHECK(images[0].build_id.size() >= 16);
    CHECK(a_function_to_find(1) == 2);
    CHECK(!elf_file::open("/dev/null"));
    CHECK(!elf_file::open("/proc/self/maps"));
}

TEST_CASE("crash: a report is put together from what was written", "[telemetry]") {
    const auto report = read_crash_report(
        "url http://x/api/1/envelope/\nkey k\nprogram bulkhead-api\nrelease r\n"
        "environment test\nserver h\ntime 1767323045\nsignal SIGSEGV\naddress 0x10\n"
        "thread api0\nreason \nframe 0x1\nmaps\n");
    CHECK(report.url == "http://x/api/1/envelope/");
    CHECK(report.key.reveal() == "k");
    CHECK(report.origin.release == "r");
    CHECK(report.what.level == "fatal");
    CHECK(report.what.type == "SIGSEGV");
    CHECK(report.what.value == "bulkhead-api, thread api0: access to 0x10");
    REQUIRE(report.what.frames.size() == 1);
    CHECK(report.what.frames[0].address == 1);
    const auto busy =
        read_crash_report("request a\nroute /x\ntenant acme\nuser u\nrequest b\nroute \nmaps\n");
    REQUIRE(busy.what.under_way.size() == 2);
    CHECK(busy.what.under_way[0].user == "u");
    CHECK(busy.what.under_way[1].tenant.empty());
    CHECK(busy.what.request.id.empty());  // nobody knows which
    const auto alone = read_crash_report("request a\ntenant acme\nuser u\n");
    CHECK(alone.what.request.tenant == "acme");
    const auto envelope = sentry_envelope({}, alone.what);
    CHECK(envelope.find(R"("user":{"id":"u"})") != std::string::npos);
    CHECK(read_crash_report("").url.empty());
    CHECK(read_crash_report("frame\nsignal").what.frames.empty());
}
