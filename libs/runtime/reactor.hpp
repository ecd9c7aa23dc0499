// SPDX-License-Identifier: Apache-2.0
// A reactor is one thread that runs one io_context. What is built on a reactor belongs to its thread; other
// threads reach it only through `post`. Everything on a reactor must be destroyed before the reactor, after
// `join`.
#pragma once

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "runtime/asio.hpp"

namespace bulkhead::runtime {

class reactor {
public:
    /// `name` is the thread's name as the system shows it (at most 15 bytes).
    explicit reactor(std::string name);
    ~reactor();
    reactor(const reactor&) = delete;
    reactor& operator=(const reactor&) = delete;

    /// Begins to run on a thread of its own. Handlers that throw end the process: a bug must not be half
    /// survived.
    void start();
    /// Asks the thread to end after the handler it is in. Safe from any thread.
    void stop();
    /// Waits for the thread; start() need not have been called.
    void join();

    [[nodiscard]] executor get_executor() noexcept { return context_.get_executor(); }

    /// Runs `work` on the reactor's thread, later. Safe from any thread.
    template <class F>
    void post(F&& work) {
        net::post(context_, std::forward<F>(work));
    }

private:
    std::string name_;
    net::io_context context_{1};
    net::executor_work_guard<executor> work_;
    std::thread thread_;
};

/// The reactors of a program, one per core unless configured otherwise.
class reactor_group {
public:
    reactor_group(const std::string& name, unsigned count);
    ~reactor_group() { stop(); }

    void start();
    /// Stops and joins all of them. Safe to call twice; not from a reactor's thread.
    void stop();

    [[nodiscard]] std::size_t size() const noexcept { return reactors_.size(); }
    reactor& operator[](std::size_t i) { return *reactors_[i]; }
    auto begin() { return reactors_.begin(); }
    auto end() { return reactors_.end(); }

    /// Calls `work(index)` on every reactor's thread and waits until all have returned. Reactors must be
    /// running. Then rethrows the exception of the first one that threw.
    void run_on_each(const std::function<void(std::size_t)>& work);

private:
    std::vector<std::unique_ptr<reactor>> reactors_;
};

}  // namespace bulkhead::runtime
