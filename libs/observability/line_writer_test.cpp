// SPDX-License-Identifier: Apache-2.0
#include "observability/line_writer.hpp"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include "base/testing/catch.hpp"

using namespace bulkhead::log;
using namespace std::chrono_literals;
using clock_type = std::chrono::steady_clock;

namespace {

struct pipe_pair {
    int read_end = -1;
    int write_end = -1;
    pipe_pair() {
        int ends[2];
        REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
        read_end = ends[0];
        write_end = ends[1];
        ::fcntl(write_end, F_SETPIPE_SZ, 4096);
    }
    ~pipe_pair() {
        close_reader();
        ::close(write_end);
    }
    void close_reader() {
        if (read_end >= 0) ::close(read_end);
        read_end = -1;
    }
    [[nodiscard]] std::string drain() const {
        std::string out;
        char buffer[4096];
        pollfd ready{.fd = read_end, .events = POLLIN, .revents = 0};
        while (::poll(&ready, 1, 0) == 1) {
            const auto count = ::read(read_end, buffer, sizeof buffer);
            if (count <= 0) break;
            out.append(buffer, static_cast<std::size_t>(count));
        }
        return out;
    }
};

}  // namespace

TEST_CASE("line_writer: joins pieces and ends lines", "[log]") {
    const pipe_pair pipe;
    line_writer out(pipe.write_end);
    out.append({"a", "b"});
    out.append({"c"});
    CHECK(pipe.drain().empty());
    out.flush();
    CHECK(pipe.drain() == "ab\nc\n");
    CHECK(out.size() == 0);
    CHECK(out.lost() == 0);
}

TEST_CASE("line_writer: a stuck reader costs its patience once, lines stay whole", "[log]") {
    const pipe_pair pipe;
    line_writer out(pipe.write_end, 50ms);
    const std::string line(999, 'x');
    for (int i = 0; i < 6; ++i) out.append({line});
    const auto begin = clock_type::now();
    out.flush();
    CHECK(clock_type::now() - begin >= 50ms);
    CHECK(!out.healthy());
    CHECK(out.lost() == 2);  // 4096 bytes went out: four lines and the start of the fifth

    const auto again = clock_type::now();
    for (int i = 0; i < 100; ++i) {
        out.append({line});
        out.flush();
    }
    CHECK(clock_type::now() - again < 50ms);
    CHECK(out.lost() == 102);

    const auto before = pipe.drain();
    CHECK(before.size() == 4096);
    out.append({"whole"});
    out.flush();
    CHECK(pipe.drain() == "\nwhole\n");
    CHECK(out.healthy());
    CHECK(out.lost() == 102);
}

TEST_CASE("line_writer: a closed reader or descriptor loses lines, nothing else", "[log]") {
    sigset_t pipe_signal, before;
    sigemptyset(&pipe_signal);
    sigaddset(&pipe_signal, SIGPIPE);
    pthread_sigmask(SIG_BLOCK, &pipe_signal, &before);
    pipe_pair pipe;
    line_writer out(pipe.write_end);
    pipe.close_reader();
    out.append({"x"});
    out.flush();
    CHECK(out.lost() == 1);
    const timespec at_once{};
    sigtimedwait(&pipe_signal, nullptr, &at_once);
    pthread_sigmask(SIG_SETMASK, &before, nullptr);

    line_writer closed(1'000'000, 10ms);
    closed.append({"x"});
    closed.append({"y"});
    closed.flush();
    CHECK(closed.lost() == 2);
}

TEST_CASE("write_to_stderr: survives a closed reader without SIGPIPE", "[log]") {
    pipe_pair pipe;
    pipe.close_reader();
    const int kept = ::dup(STDERR_FILENO);
    ::dup2(pipe.write_end, STDERR_FILENO);
    write_to_stderr("nobody reads this");
    ::dup2(kept, STDERR_FILENO);
    ::close(kept);
    sigset_t pending;
    sigpending(&pending);
    CHECK(sigismember(&pending, SIGPIPE) == 0);
}
