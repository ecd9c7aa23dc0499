// SPDX-License-Identifier: Apache-2.0
// Many deadlines, one timer. A reactor sweeps its list every 100 ms instead of arming and cancelling a timer
// per operation, so setting a deadline is one store. Precision is the sweep interval, always late, never
// early. Belongs to one reactor; entries unlink themselves when they die.
#pragma once

#include <boost/intrusive/list.hpp>
#include <chrono>
#include <functional>

#include "runtime/asio.hpp"

namespace bulkhead::runtime {

class deadline_list;

/// Something that can time out. Embed one, or derive from it.
class deadline_entry
    : public boost::intrusive::list_base_hook<boost::intrusive::link_mode<boost::intrusive::auto_unlink>> {
public:
    static constexpr auto never = steady_clock::time_point::max();

    void expires_at(steady_clock::time_point when) noexcept { expires_at_ = when; }
    [[nodiscard]] steady_clock::time_point expires_at() const noexcept { return expires_at_; }

protected:
    deadline_entry() = default;
    ~deadline_entry() = default;

    /// Called once per expiry, on the reactor; the deadline is back at `never`. May destroy the entry.
    virtual void on_deadline() = 0;

private:
    friend class deadline_list;
    steady_clock::time_point expires_at_ = never;
};

class deadline_list {
public:
    static constexpr std::chrono::milliseconds interval{100};

    explicit deadline_list(executor ex) : timer_(ex) {}

    void add(deadline_entry& entry) { entries_.push_back(entry); }
    /// Begins to sweep; the list must outlive the io_context's last handler or be stopped.
    void start();
    void stop();

    /// Expires everything due at `now`. The timer calls it; tests may.
    void sweep(steady_clock::time_point now);

private:
    void arm();

    steady_timer timer_;
    boost::intrusive::list<deadline_entry, boost::intrusive::constant_time_size<false>> entries_;
    bool running_ = false;
};

}  // namespace bulkhead::runtime
