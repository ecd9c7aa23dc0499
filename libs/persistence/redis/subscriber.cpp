// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/subscriber.hpp"

#include <deque>
#include <exception>
#include <map>
#include <utility>

#include "persistence/redis/keeper.hpp"

namespace bulkhead::redis {
namespace {

struct subscription {
    std::string channel;
    subscriber::message_callback on_message;
    subscriber::gap_callback on_resubscribed;
    bool live = false;
    bool refused = false;
    bool refusal_told = false;
};
using subscription_ptr = std::shared_ptr<subscription>;

enum class question { subscribe, unsubscribe, ping };

struct asked {
    question what;
    subscription_ptr about;  // null for a ping
};

constexpr std::size_t max_unsent = 4u << 20;
constexpr std::size_t spare_questions = 64;

}  // namespace

/// The protocol of a subscribed connection: questions are answered in their order, and messages come in
/// between.
class subscriber::state final : public redis_keeper {
public:
    state(executor where, redis_endpoint endpoint, subscriber_options options)
        : redis_keeper(where, std::move(endpoint),
                       {.connection = {.connect_timeout = options.connect_timeout,
                                       .max_unsent_bytes = max_unsent,
                                       .reply = options.message},
                        .reconnect_first = options.reconnect_first,
                        .reconnect_most = options.reconnect_most,
                        .on_change = std::move(options.on_change)}),
          options_(std::move(options)),
          tick_(where) {}

    result<> add(std::string channel, message_callback on_message, gap_callback on_resubscribed) {
        if (channel.empty() || channel.size() > longest_channel)
            return fail(errc::validation_failed, "The name of a channel has 1 to 512 bytes.");
        if (channels_.contains(channel)) return fail(errc::conflict, "The channel is subscribed to already.");
        if (channels_.size() >= options_.max_channels)
            return fail(errc::unavailable, "Too many channels are subscribed to.");
        const auto it =
            std::make_shared<subscription>(channel, std::move(on_message), std::move(on_resubscribed));
        channels_.emplace(std::move(channel), it);
        if (connected()) ask({question::subscribe, it});
        return {};
    }

    void remove(std::string_view channel) {
        const auto found = channels_.find(channel);
        if (found == channels_.end()) return;
        const auto it = std::move(found->second);
        channels_.erase(found);
        it->live = false;
        if (connected()) ask({question::unsubscribe, it});
    }

    [[nodiscard]] bool live(std::string_view channel) const {
        const auto found = channels_.find(channel);
        return connected() && found != channels_.end() && found->second->live;
    }

private:
    void adopt(const std::shared_ptr<redis_connection>&) override {
        asked_.clear();
        ping_unanswered_ = false;
        for (const auto& [name, it] : channels_) {
            it->live = it->refused = it->refusal_told = false;
            ask({question::subscribe, it});
        }
    }

    awaitable<> serve() override {
        tick_later();
        bool more = true;
        while (more) {
            while (const auto reply = connection()->next()) take(*reply);
            more = co_await connection()->read_some();
        }
        tick_.cancel();
    }

    void ask(asked next) {
        std::string bytes;
        switch (next.what) {
            case question::subscribe: append_redis_command(bytes, {"SUBSCRIBE", next.about->channel}); break;
            case question::unsubscribe:
                append_redis_command(bytes, {"UNSUBSCRIBE", next.about->channel});
                break;
            case question::ping: append_redis_command(bytes, {"PING"}); break;
        }
        const bool room = asked_.size() < 2 * options_.max_channels + spare_questions;
        if (!room || !connection()->send(bytes)) return connection()->close("it does not keep up with us");
        asked_.push_back(std::move(next));
    }

    void tick_later() {
        tick_.expires_after(options_.ping_every);
        tick_.async_wait([self = std::static_pointer_cast<state>(shared_from_this()),
                          watched = connection()](error_code stopped) {
            if (!stopped && watched->is_up()) self->tick();
        });
    }

    void tick() {
        if (ping_unanswered_) return connection()->close("it has gone silent");
        ping_unanswered_ = true;
        ask({question::ping, nullptr});
        for (const auto& [name, it] : channels_)
            if (std::exchange(it->refused, false)) ask({question::subscribe, it});
        tick_later();
    }

    void take(const redis_reply& reply) {
        ping_unanswered_ = false;
        const auto* parts = reply.elements();
        if (parts && parts->size() == 3 && (*parts)[0].text() == "message" && (*parts)[1].text() &&
            (*parts)[2].text())
            return deliver(*(*parts)[1].text(), *(*parts)[2].text());
        if (asked_.empty()) return connection()->close("it said something that was not asked for");
        const auto answered = std::move(asked_.front());
        asked_.pop_front();
        if (const auto* refusal = reply.error()) return take_refusal(answered, refusal->message);
        if (!is_answer(reply, answered))
            return connection()->close("it answered another question than the one asked");
        if (answered.what != question::subscribe || !wanted(answered.about)) return;
        answered.about->live = true;
        guarded([&] {
            if (answered.about->on_resubscribed) answered.about->on_resubscribed();
        });
    }

    static bool is_answer(const redis_reply& reply, const asked& to) {
        if (to.what == question::ping && reply.text() == "PONG") return true;  // while without channels
        const auto* parts = reply.elements();
        if (!parts || parts->size() < 2) return false;
        if (to.what == question::ping) return (*parts)[0].text() == "pong";
        const auto word = to.what == question::subscribe ? "subscribe" : "unsubscribe";
        return (*parts)[0].text() == word && (*parts)[1].text() == to.about->channel;
    }

    void take_refusal(const asked& refused, std::string_view why) {
        if (refused.what != question::subscribe)
            return connection()->close("it refused us: " + std::string(why));
        if (!wanted(refused.about)) return;
        refused.about->refused = true;
        if (std::exchange(refused.about->refusal_told, true)) return;
        guarded([&] {
            if (options_.on_refused) options_.on_refused(refused.about->channel, why);
        });
    }

    void deliver(std::string_view channel, std::string_view message) {
        const auto found = channels_.find(channel);
        if (found == channels_.end() || !found->second->live) return;
        const auto it = found->second;  // the callback may unsubscribe
        guarded([&] { it->on_message(message); });
    }

    /// Not unsubscribed, nor unsubscribed and subscribed anew.
    [[nodiscard]] bool wanted(const subscription_ptr& it) const {
        const auto found = channels_.find(it->channel);
        return found != channels_.end() && found->second == it;
    }

    /// A message that was not digested is one that was missed: the connection is made anew, so that the owner
    /// is told and starts over.
    template <class Call>
    void guarded(const Call& call) {
        try {
            call();
        } catch (const std::exception& bug) {
            connection()->close(std::string("a callback failed: ") + bug.what());
        }
    }

    subscriber_options options_;
    steady_timer tick_;
    std::map<std::string, subscription_ptr, std::less<>> channels_;
    std::deque<asked> asked_;  // without an answer, in their order
    bool ping_unanswered_ = false;
};

subscriber::subscriber(executor where, redis_endpoint endpoint, subscriber_options options)
    : state_(std::make_shared<state>(where, std::move(endpoint), std::move(options))) {}

subscriber::~subscriber() { stop(); }

void subscriber::start() { state_->start(); }

void subscriber::stop() { state_->stop(); }

result<> subscriber::subscribe(std::string channel, message_callback on_message,
                               gap_callback on_resubscribed) {
    return state_->add(std::move(channel), std::move(on_message), std::move(on_resubscribed));
}

void subscriber::unsubscribe(std::string_view channel) { state_->remove(channel); }

bool subscriber::connected() const noexcept { return state_->connected(); }

bool subscriber::live(std::string_view channel) const { return state_->live(channel); }

}  // namespace bulkhead::redis
