// SPDX-License-Identifier: Apache-2.0
#include "runtime/child_process.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <fstream>
#include <thread>

#include "base/testing/catch.hpp"

namespace bulkhead::runtime {
namespace {

using namespace std::chrono_literals;

const std::function<bool()> never;

patience within(std::chrono::milliseconds time) { return {std::chrono::steady_clock::now() + time, never}; }

command shell(std::string script) { return {.program = "/bin/sh", .arguments = {"-c", std::move(script)}}; }

result<void> finish(child_process& one, std::chrono::milliseconds time = 60s) {
    std::array<child_process*, 1> all{&one};
    return wait_for(all, within(time));
}

std::string read_all(int from) {
    std::string out;
    std::array<char, 4096> bytes{};
    for (ssize_t count = 0; (count = ::read(from, bytes.data(), bytes.size())) > 0;)
        out.append(bytes.data(), static_cast<std::size_t>(count));
    return out;
}

bool is_alive(pid_t id) {
    std::ifstream file("/proc/" + std::to_string(id) + "/stat");
    std::string number, name, state;
    return static_cast<bool>(file >> number >> name >> state) && state != "Z";
}

bool dies(pid_t id) {
    for (int i = 0; i < 6000 && is_alive(id); ++i) std::this_thread::sleep_for(10ms);
    return !is_alive(id);
}

TEST_CASE("child process: output, status and messages arrive, the environment is only what was given",
          "[runtime]") {
    ::setenv("BULKHEAD_CHILD_TEST", "inherited", 1);
    auto out = make_stream().value();
    auto what = shell("echo \"$GIVEN:$BULKHEAD_CHILD_TEST:$0:$1\"; echo trouble >&2; exit 3");
    what.arguments.insert(what.arguments.end(), {"a b", "$(id)"});
    what.environment = {"GIVEN=yes"};
    auto child = child_process::start(what, -1, out.to_write.get()).value();
    out.to_write.close();
    CHECK(read_all(out.to_read.get()) == "yes::a b:$(id)\n");
    CHECK(finish(child).error().code == errc::internal);
    CHECK(child.status() == 3);
    CHECK(child.messages() == "trouble\n");
}

TEST_CASE("child process: one feeds the other, and only they hold the stream", "[runtime]") {
    auto between = make_stream().value(), out = make_stream().value();
    auto first = child_process::start(shell("seq 100000"), -1, between.to_write.get()).value();
    auto second = child_process::start(shell("wc -l"), between.to_read.get(), out.to_write.get()).value();
    between = {};
    out.to_write.close();
    std::array<child_process*, 2> all{&first, &second};
    REQUIRE(wait_for(all, within(60s)));
    CHECK(read_all(out.to_read.get()) == "100000\n");
}

TEST_CASE("child process: gets no descriptor that it was not given", "[runtime]") {
    const descriptor open_to_all(::open("/dev/null", O_RDONLY));  // without O_CLOEXEC
    auto out = make_stream().value();
    auto child = child_process::start(shell("ls /proc/self/fd | wc -l"), -1, out.to_write.get()).value();
    out.to_write.close();
    CHECK(read_all(out.to_read.get()) == "4\n");  // the three, and that of ls on the folder
    CHECK(finish(child));
}

TEST_CASE("child process: messages are bounded, and nobody waits for their reader", "[runtime]") {
    auto child = child_process::start(shell("yes complaint | head -c 1000000 >&2; echo last >&2")).value();
    REQUIRE(finish(child));
    CHECK(child.messages().size() == 4096);
    CHECK(child.messages().ends_with("last\n"));
}

TEST_CASE("child process: a program that is not there is an error at once", "[runtime]") {
    CHECK(child_process::start({.program = "/nonexistent/program"}).error().code == errc::not_found);
    CHECK(child_process::start({.program = "/etc/passwd"}).error().code == errc::not_found);
}

TEST_CASE("child process: at the deadline, or when asked to stop, the whole group is killed", "[runtime]") {
    auto out = make_stream().value();
    auto child =
        child_process::start(shell("sleep 1000 & echo $!; wait; echo survived"), -1, out.to_write.get())
            .value();
    std::array<char, 32> text{};
    REQUIRE(::read(out.to_read.get(), text.data(), text.size() - 1) > 0);
    CHECK(finish(child, 20ms).error().code == errc::deadline_exceeded);
    CHECK(child.status() == 128 + SIGKILL);
    CHECK(dies(static_cast<pid_t>(std::stoi(text.data()))));

    auto other = child_process::start(shell("sleep 1000")).value();
    std::array<child_process*, 1> all{&other};
    const std::function<bool()> stop = [] { return true; };
    CHECK(wait_for(all, {std::chrono::steady_clock::now() + 60s, stop}).error().code == errc::unavailable);
    CHECK(other.status() == 128 + SIGKILL);
}

TEST_CASE("child process: when one of several fails the others are killed", "[runtime]") {
    auto failing = child_process::start(shell("exit 7")).value();
    auto waiting = child_process::start(shell("sleep 1000")).value();
    std::array<child_process*, 2> all{&failing, &waiting};
    CHECK(wait_for(all, within(60s)).error().code == errc::internal);
    CHECK(failing.status() == 7);
    CHECK(waiting.status() == 128 + SIGKILL);
}

TEST_CASE("child process: a writer ends when its reader has gone", "[runtime]") {
    ::signal(SIGPIPE, SIG_IGN);  // as our programs do; it is not inherited
    auto out = make_stream().value();
    auto child = child_process::start(shell("exec yes"), -1, out.to_write.get()).value();
    out = {};
    CHECK_FALSE(finish(child));
    CHECK(child.status() == 128 + SIGPIPE);
}

TEST_CASE("child process: does not survive the one that started it", "[runtime]") {
    auto out = make_stream().value();
    const auto parent = ::fork();
    if (parent == 0) {
        auto child = child_process::start(shell("echo $$; exec sleep 1000"), -1, out.to_write.get());
        ::pause();
        ::_exit(child ? 0 : 1);
    }
    out.to_write.close();
    std::array<char, 32> text{};
    REQUIRE(::read(out.to_read.get(), text.data(), text.size() - 1) > 0);
    const auto id = static_cast<pid_t>(std::stoi(text.data()));
    CHECK(is_alive(id));
    ::kill(parent, SIGKILL);
    REQUIRE(::waitpid(parent, nullptr, 0) == parent);
    CHECK(dies(id));
}

}  // namespace
}  // namespace bulkhead::runtime
