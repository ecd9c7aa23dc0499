// SPDX-License-Identifier: Apache-2.0
// bulkhead-worker with the jobs of the benchmarks (queue_jobs.hpp) beside its own. What ran is told in the
// file that BENCH_RECORD names: a line for each beginning and each end, written before the job goes on,
//     b|e <n> <at> <now> <attempt> <process>        times in us since 1970
// or, when BENCH_JOBS says how many jobs there are, one line at the end of the program that sums them up.
#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <memory>
#include <stdexcept>
#include <vector>

#include "app.hpp"
#include "base/time.hpp"
#include "queue_jobs.hpp"

namespace bulkhead::bench {

template <queue::durability Kept>
awaitable<queue::run_outcome> bench_job<Kept>::run(queue::job_context& job, payload what) {
    who_.begins(what, job.attempt());
    if (const std::chrono::milliseconds hold(what.hold.value()); hold.count() > 0) {
        steady_timer timer(co_await net::this_coro::executor);
        for (const auto end = steady_clock::now() + hold; steady_clock::now() < end;) {
            if (job.control().stop_requested()) co_return queue::try_again("told to stop");
            timer.expires_at(std::min(end, steady_clock::now() + std::chrono::milliseconds(50)));
            co_await timer.async_wait(use_tuple);
        }
    }
    who_.ends(what, job.attempt());
    co_return json::value{};
}

namespace {

std::int64_t now_us() { return utc_now().time_since_epoch().count(); }

class file {
public:
    explicit file(const char* name) : fd_(open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644)) {
        if (fd_ < 0) throw std::runtime_error(fmt::format("BENCH_RECORD: {} cannot be written", name));
    }
    ~file() { close(fd_); }
    file(const file&) = delete;
    file& operator=(const file&) = delete;

    /// In one piece, behind what others write.
    void write_line(std::string_view line) const noexcept {
        if (::write(fd_, line.data(), line.size()) != static_cast<ssize_t>(line.size())) std::abort();
    }

private:
    const int fd_;
};

class recorder final : public audience {
public:
    explicit recorder(const char* name) : to_(name) {}
    void begins(const bench_payload& what, unsigned attempt) noexcept override { tell('b', what, attempt); }
    void ends(const bench_payload& what, unsigned attempt) noexcept override { tell('e', what, attempt); }

private:
    void tell(char word, const bench_payload& what, unsigned attempt) noexcept {
        std::array<char, 128> line;
        const auto end = fmt::format_to_n(line.data(), line.size(), "{} {} {} {} {} {}\n", word,
                                          what.n.value(), what.at.value(), now_us(), attempt, getpid());
        to_.write_line({line.data(), end.size});
    }
    const file to_;
};

/// Counts how often each job ran; tells it when it goes.
class tally final : public audience {
public:
    tally(const char* name, std::size_t jobs) : to_(name), ran_(jobs) {}
    ~tally() override {
        std::size_t missing = 0, again = 0;
        for (const auto& each : ran_) {
            const auto times = each.load();
            missing += times == 0;
            again += times > 1;
        }
        to_.write_line(
            fmt::format("{{\"first\":{},\"last\":{},\"missing\":{},\"again\":{},\"strange\":{}}}\n",
                        first_.load(), last_.load(), missing, again, strange_.load()));
    }
    tally(const tally&) = delete;
    tally& operator=(const tally&) = delete;

    void begins(const bench_payload& what, unsigned) noexcept override {
        if (std::int64_t none = 0; first_.load(std::memory_order_relaxed) == 0)
            first_.compare_exchange_strong(none, now_us());
        const auto n = static_cast<std::size_t>(what.n.value());
        if (n < ran_.size())
            ran_[n].fetch_add(1, std::memory_order_relaxed);
        else
            strange_.fetch_add(1);
    }
    void ends(const bench_payload&, unsigned) noexcept override {
        if (ended_.fetch_add(1, std::memory_order_relaxed) + 1 >= ran_.size()) last_.store(now_us());
    }

private:
    const file to_;
    std::vector<std::atomic<std::uint8_t>> ran_;
    std::atomic<std::int64_t> first_{0}, last_{0};
    std::atomic<std::size_t> ended_{0}, strange_{0};
};

std::unique_ptr<audience> audience_of_environment() {
    const char* name = std::getenv("BENCH_RECORD");
    if (!name) throw std::runtime_error("BENCH_RECORD is not set");
    const char* jobs = std::getenv("BENCH_JOBS");
    if (jobs) return std::make_unique<tally>(name, std::stoul(jobs));
    return std::make_unique<recorder>(name);
}

int serve(const config::loaded& configuration) {
    const auto who = audience_of_environment();
    light_job light(*who);
    kept_job kept(*who);
    return worker::serve_with(configuration, [&](queue::handlers& known) {
        known.add(light);
        known.add(kept);
    });
}

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) {
    return bulkhead::service::run(bulkhead::worker::program, {argv, static_cast<std::size_t>(argc)},
                                  &bulkhead::bench::serve);
}
