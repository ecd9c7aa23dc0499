// SPDX-License-Identifier: Apache-2.0
#include "persistence/redis/waiter.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>
#include <charconv>
#include <deque>
#include <stdexcept>
#include <utility>

#include "persistence/redis/codec.hpp"
#include "persistence/redis/node.hpp"
#include "persistence/redis/slots.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::redis {
namespace {

using namespace std::chrono_literals;
using popped = waiter::popped;

constexpr auto slot_on_its_way = 100ms;  // before it is asked for again
constexpr auto refusals_take = 1000ms;   // so that a loop that tries again does so at this pace

std::chrono::milliseconds until(steady_clock::time_point end) {
    return std::chrono::ceil<std::chrono::milliseconds>(end - steady_clock::now());
}

/// "1.025": a timeout of 0 would be for ever.
std::string seconds(std::chrono::milliseconds time) {
    const auto count = std::max<std::int64_t>(time.count(), 1);
    auto thousandths = std::to_string(1000 + count % 1000);
    thousandths.front() = '.';
    return std::to_string(count / 1000) + thousandths;
}

/// The reply of BZPOPMIN that is no nil.
std::optional<popped> popped_in(const redis_reply& reply) {
    const auto* parts = reply.elements();
    if (!parts || parts->size() != 3) return std::nullopt;
    const auto key = (*parts)[0].text();
    const auto member = (*parts)[1].text();
    const auto score = (*parts)[2].text();
    if (!key || !member || !score) return std::nullopt;
    popped out{std::string(*key), std::string(*member), 0};
    const auto [end, failed] = std::from_chars(score->data(), score->data() + score->size(), out.score);
    if (failed != std::errc{} || end != score->data() + score->size()) return std::nullopt;
    return out;
}

}  // namespace

/// One line per slot: a connection and the keys that it blocks on.
class waiter::state final : public std::enable_shared_from_this<state> {
public:
    state(executor where, const redis_endpoint& endpoint, std::vector<std::string> keys,
          waiter_options options)
        : executor_(where), options_(std::move(options)), news_(where) {
        if (keys.empty()) throw std::invalid_argument("a waiter needs a key");
        for (auto& key : keys) {
            std::optional<std::uint16_t> slot;
            if (endpoint.is_cluster()) slot = slot_of_key(key);
            auto same = std::ranges::find_if(lines_, [&](const auto& each) { return each->slot == slot; });
            if (same == lines_.end()) {
                lines_.push_back(std::make_shared<line>());
                same = lines_.end() - 1;
                (*same)->slot = slot;
            }
            (*same)->keys.push_back(std::move(key));
        }
        endpoint_ = endpoint;
    }

    void start() {
        for (const auto& each : lines_) {
            redis_keeper_options keeping{.connection = {.connect_timeout = options_.connect_timeout},
                                         .reconnect_first = options_.reconnect_first,
                                         .reconnect_most = options_.reconnect_most,
                                         .slot = each->slot};
            keeping.on_change = [weak = weak_from_this()](bool up, std::string_view why) {
                if (const auto self = weak.lock()) self->note(up, why);
            };
            each->node = std::make_shared<redis_node>(executor_, endpoint_, std::move(keeping), 1);
            each->node->start();
        }
    }

    void stop() {
        stopped_ = true;
        news_.cancel();
        for (const auto& each : lines_)
            if (each->node) each->node->retire();
    }

    [[nodiscard]] bool connected() const {
        return std::ranges::all_of(lines_,
                                   [](const auto& each) { return each->node && each->node->connected(); });
    }

    static awaitable<result<std::optional<popped>>> pop(std::shared_ptr<state> self,
                                                        std::chrono::milliseconds patience) {
        if (self->waited_for_) co_return fail(errc::conflict, "Somebody waits already.");
        const one_at_a_time waiting(self->waited_for_);
        const auto end = steady_clock::now() + patience;
        result<std::optional<popped>> out;
        while (!self->take_news(out, end)) {
            const auto before = self->ended_;
            self->ask_all(end);
            if (self->ended_ != before) continue;  // some at once
            self->news_.expires_at(end);
            co_await self->news_.async_wait(use_tuple);
        }
        co_return out;
    }

private:
    struct line {
        std::optional<std::uint16_t> slot;
        std::vector<std::string> keys{};
        std::shared_ptr<redis_node> node{};
        bool asking = false;
    };
    using line_ptr = std::shared_ptr<line>;

    struct one_at_a_time {
        bool& flag;
        explicit one_at_a_time(bool& of) : flag(of) { flag = true; }
        ~one_at_a_time() { flag = false; }
        one_at_a_time(const one_at_a_time&) = delete;
        one_at_a_time& operator=(const one_at_a_time&) = delete;
    };

    /// What a line does after an answer: waits, is perhaps done for now, and has perhaps failed.
    struct step {
        std::chrono::milliseconds pause{0};
        bool again = false;
        std::optional<error> failure{};
    };

    /// Whether the wait is over, and with what.
    bool take_news(result<std::optional<popped>>& into, steady_clock::time_point end) {
        if (stopped_) {
            into = fail(errc::unavailable, "The wait was stopped.");
        } else if (!ready_.empty()) {
            into = std::move(ready_.front());
            ready_.pop_front();
        } else if (failed_ && steady_clock::now() >= std::min(end, tell_from_)) {
            into = std::unexpected(*std::exchange(failed_, std::nullopt));
        } else if (steady_clock::now() >= end) {
            if (!connected()) into = fail(errc::unavailable, "The cache is away.");
        } else {
            return false;
        }
        return true;
    }

    /// Every line that does not ask already. What ends by its timeout is begun anew while somebody waits.
    void ask_all(steady_clock::time_point end) {
        for (const auto& each : lines_)
            if (each->node && !std::exchange(each->asking, true))
                net::co_spawn(executor_, ask(shared_from_this(), each, end), or_die);
    }

    static awaitable<> ask(std::shared_ptr<state> self, line_ptr mine, steady_clock::time_point end) {
        while (!self->stopped_ && steady_clock::now() < end) {
            if (!mine->node->connected()) {
                co_await redis_node::wait_for_change(mine->node, end);
                continue;
            }
            auto bytes = command(*mine, until(end));
            auto replies = co_await redis_link::ask(mine->node->link(), std::move(bytes), 1,
                                                    until(end) + self->options_.margin);
            auto next = self->take(*mine, std::move(replies));
            if (next.failure) {
                self->failed_ = std::move(next.failure);
                self->tell_from_ = steady_clock::now() + next.pause;
            }
            if (next.pause > 0ms) {
                steady_timer alarm(self->executor_);
                alarm.expires_at(std::min(end, steady_clock::now() + next.pause));
                co_await alarm.async_wait(use_tuple);
            }
            if (!next.again) break;
        }
        mine->asking = false;
        ++self->ended_;
        self->news_.cancel();
    }

    static std::string command(const line& of, std::chrono::milliseconds patience) {
        std::vector<std::string> argv{"BZPOPMIN"};
        argv.insert(argv.end(), of.keys.begin(), of.keys.end());
        argv.push_back(seconds(patience));
        std::string out;
        append_redis_command(out, argv);
        return out;
    }

    step take(const line& of, result<std::vector<redis_reply>> replies) {
        if (!replies) return {.failure = std::move(replies).error()};
        const auto& reply = replies->front();
        if (reply.is_nil()) return {};
        if (auto got = popped_in(reply)) {
            ready_.push_back(*std::move(got));
            return {};
        }
        const auto* refusal = reply.error();
        if (!refusal) {
            of.node->drop("it answered another question than the one asked");
            return {.failure = error{errc::unavailable, "The cache sent something that is not an answer."}};
        }
        switch (refusal->kind) {
            case redis_error_kind::moved: of.node->drop("its slot has moved"); [[fallthrough]];
            case redis_error_kind::ask:
            case redis_error_kind::tryagain:
            case redis_error_kind::clusterdown: return {.pause = slot_on_its_way, .again = true};
            default: return {.pause = refusals_take, .failure = to_error(*refusal)};
        }
    }

    void note(bool up, std::string_view why) {
        if (options_.on_change && (!up || connected())) options_.on_change(up, why);
    }

    executor executor_;
    redis_endpoint endpoint_;
    waiter_options options_;
    std::vector<line_ptr> lines_;
    std::deque<popped> ready_;  // at most one for each line
    std::optional<error> failed_;
    steady_clock::time_point tell_from_;
    steady_timer news_;        // its cancellation says that a line has stopped asking
    std::uint64_t ended_ = 0;  // how often one has
    bool waited_for_ = false;
    bool stopped_ = false;
};

waiter::waiter(executor where, redis_endpoint endpoint, std::vector<std::string> keys, waiter_options options)
    : state_(std::make_shared<state>(where, endpoint, std::move(keys), std::move(options))) {}

waiter::~waiter() { stop(); }

void waiter::start() { state_->start(); }

void waiter::stop() { state_->stop(); }

bool waiter::connected() const noexcept { return state_->connected(); }

awaitable<result<std::optional<popped>>> waiter::pop(std::chrono::milliseconds patience) {
    return state::pop(state_, patience);
}

}  // namespace bulkhead::redis
