// SPDX-License-Identifier: Apache-2.0
// Work that would stall a reactor (password hashes, files, child processes) runs here: a fixed number of
// threads and a bounded queue. A full queue is an answer (errc::unavailable), not a wait. `run` is called on
// a reactor and resumes there. The pool must be stopped before the reactors that wait for it.
#pragma once

#include <boost/asio/post.hpp>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "runtime/asio.hpp"

namespace bulkhead::runtime {

/// How the threads of a pool stand to others when there are fewer processors than work.
enum class urgency {
    normal,
    background,  // they get what others leave, and a little more: nice 10, SCHED_BATCH
};

class blocking_pool {
public:
    /// `name` names the threads; `queue_limit` jobs may wait beside those that run.
    blocking_pool(std::string name, std::size_t threads, std::size_t queue_limit,
                  urgency how = urgency::normal);
    ~blocking_pool() { stop(); }
    blocking_pool(const blocking_pool&) = delete;
    blocking_pool& operator=(const blocking_pool&) = delete;

    /// Finishes what runs and what waits, then joins. Later work is refused.
    void stop();

    /// Refuses what waits and gives what runs so long to finish. False: some of it still runs, and neither
    /// the pool nor what the work uses may be destroyed; the process has to end as it is.
    bool stop_within(std::chrono::milliseconds patience);

    [[nodiscard]] std::size_t waiting() const;
    [[nodiscard]] std::size_t threads() const noexcept { return thread_count_; }

    /// Runs `work()` on a pool thread and gives its value. errc::unavailable when the queue is full; an
    /// exception of `work` is rethrown to the caller.
    template <class F>
    awaitable<result<std::invoke_result_t<F>>> run(F work) {
        frame<F> job{std::move(work)};
        const bool accepted = co_await net::async_initiate<const net::use_awaitable_t<executor>, void(bool)>(
            submission{this, &job, co_await net::this_coro::executor}, use_awaitable);
        if (!accepted) co_return full();
        if (job.failure) std::rethrow_exception(job.failure);
        co_return std::move(*job.value);
    }

private:
    struct job_base {
        virtual void work() noexcept = 0;
        std::move_only_function<void(bool)> done;

    protected:
        ~job_base() = default;
    };

    /// Lives in the frame of `run`, which is suspended while the job is queued or running.
    template <class F>
    struct frame final : job_base {
        explicit frame(F f) : function(std::move(f)) {}
        void work() noexcept override {
            try {
                value.emplace(function());
            } catch (...) {
                failure = std::current_exception();
            }
        }
        F function;
        std::optional<std::invoke_result_t<F>> value;
        std::exception_ptr failure;
    };

    struct submission {
        blocking_pool* pool;
        job_base* job;
        executor resume_on;

        template <class Handler>
        void operator()(Handler&& handler) {
            job->done = [ex = resume_on, h = std::forward<Handler>(handler)](bool accepted) mutable {
                net::post(ex, [h = std::move(h), accepted]() mutable { std::move(h)(accepted); });
            };
            pool->submit(*job);
        }
    };

    static std::unexpected<error> full();
    void submit(job_base& job);
    void serve();

    const std::string name_;
    const std::size_t thread_count_;
    const std::size_t queue_limit_;
    const urgency urgency_;
    mutable std::mutex mutex_;
    std::condition_variable wake_;
    std::condition_variable idle_;  // nothing runs any more
    std::deque<job_base*> queue_;
    std::size_t running_ = 0;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

}  // namespace bulkhead::runtime
