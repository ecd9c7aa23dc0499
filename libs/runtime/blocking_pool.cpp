// SPDX-License-Identifier: Apache-2.0
#include "runtime/blocking_pool.hpp"

#include <sched.h>
#include <sys/resource.h>

#include "base/thread.hpp"

namespace bulkhead::runtime {
namespace {

/// Of the calling thread: on Linux niceness and policy belong to a thread. Whoever may start threads may do
/// that; where not, the work is done all the same.
void yield_to_others() {
    constexpr int niceness = 10;
    constexpr id_t this_thread = 0;
    const sched_param none{};
    (void)sched_setscheduler(0, SCHED_BATCH, &none);
    (void)setpriority(PRIO_PROCESS, this_thread, niceness);
}

}  // namespace

blocking_pool::blocking_pool(std::string name, std::size_t threads, std::size_t queue_limit, urgency how)
    : name_(std::move(name)), thread_count_(threads), queue_limit_(queue_limit), urgency_(how) {
    for (std::size_t i = 0; i < threads; ++i) threads_.emplace_back([this] { serve(); });
}

void blocking_pool::stop() {
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
    }
    wake_.notify_all();
    for (auto& thread : threads_) thread.join();
    threads_.clear();
}

bool blocking_pool::stop_within(std::chrono::milliseconds patience) {
    std::deque<job_base*> refused;
    {
        const std::lock_guard lock(mutex_);
        stopping_ = true;
        refused.swap(queue_);
    }
    // Once told, the waiting coroutine may end and take the job with it.
    for (auto* job : refused) std::exchange(job->done, {})(false);
    {
        std::unique_lock lock(mutex_);
        if (!idle_.wait_for(lock, patience, [this] { return running_ == 0; })) return false;
    }
    stop();
    return true;
}

std::size_t blocking_pool::waiting() const {
    const std::lock_guard lock(mutex_);
    return queue_.size();
}

std::unexpected<error> blocking_pool::full() {
    return std::unexpected(error{.code = errc::unavailable,
                                 .detail = "too many requests of this kind are waiting",
                                 .retry_after = std::chrono::seconds{1}});
}

void blocking_pool::submit(job_base& job) {
    {
        const std::lock_guard lock(mutex_);
        if (!stopping_ && queue_.size() < queue_limit_) {
            queue_.push_back(&job);
            wake_.notify_one();
            return;
        }
    }
    auto done = std::move(job.done);
    done(false);
}

void blocking_pool::serve() {
    prepare_thread(name_);
    if (urgency_ == urgency::background) yield_to_others();
    for (;;) {
        job_base* job = nullptr;
        {
            std::unique_lock lock(mutex_);
            wake_.wait(lock, [this] { return stopping_ || !queue_.empty(); });
            if (queue_.empty()) return;
            job = queue_.front();
            queue_.pop_front();
            ++running_;
        }
        job->work();
        // Once told, the waiting coroutine may end and take the job with it.
        auto done = std::move(job->done);
        done(true);
        const std::lock_guard lock(mutex_);
        if (--running_ == 0) idle_.notify_all();
    }
}

}  // namespace bulkhead::runtime
