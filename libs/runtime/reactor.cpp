// SPDX-License-Identifier: Apache-2.0
#include "runtime/reactor.hpp"

#include <boost/asio/post.hpp>
#include <exception>
#include <latch>

#include "base/thread.hpp"

namespace bulkhead::runtime {

reactor::reactor(std::string name) : name_(std::move(name)), work_(net::make_work_guard(context_)) {}

reactor::~reactor() {
    stop();
    join();
}

void reactor::start() {
    thread_ = std::thread([this] {
        prepare_thread(name_);
        context_.run();
    });
}

void reactor::stop() { context_.stop(); }

void reactor::join() {
    if (thread_.joinable()) thread_.join();
}

reactor_group::reactor_group(const std::string& name, unsigned count) {
    for (unsigned i = 0; i < count; ++i)
        reactors_.push_back(std::make_unique<reactor>(name + std::to_string(i)));
}

void reactor_group::start() {
    for (auto& r : reactors_) r->start();
}

void reactor_group::stop() {
    for (auto& r : reactors_) r->stop();
    for (auto& r : reactors_) r->join();
}

void reactor_group::run_on_each(const std::function<void(std::size_t)>& work) {
    std::latch done(static_cast<std::ptrdiff_t>(reactors_.size()));
    std::vector<std::exception_ptr> failures(reactors_.size());
    for (std::size_t i = 0; i < reactors_.size(); ++i)
        reactors_[i]->post([&, i] {
            try {
                work(i);
            } catch (...) {
                failures[i] = std::current_exception();
            }
            done.count_down();
        });
    done.wait();
    for (const auto& failure : failures)
        if (failure) std::rethrow_exception(failure);
}

}  // namespace bulkhead::runtime
