// SPDX-License-Identifier: Apache-2.0
// What several runs ask of one tenant's database at the same time is asked in one go: whoever comes while a
// round is under way is in the next one. Alone, nobody waits for anybody. Belongs to one reactor; outlives
// who asks.
#pragma once

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/error.hpp"
#include "base/uuid.hpp"
#include "runtime/asio.hpp"
#include "runtime/or_die.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::queue {

template <class Wish, class Answer>
class together {
public:
    using tenant_ptr = std::shared_ptr<const tenancy::known_tenant>;
    using answers = std::vector<result<Answer>>;
    /// Gives an answer for each, in order; an exception is everybody's errc::internal.
    using work = std::function<awaitable<answers>(tenant_ptr of, std::vector<Wish> all)>;

    /// At most `most` wishes in a round, and `at_once` rounds of a tenant at a time.
    together(work how, std::size_t most, unsigned at_once)
        : work_(std::move(how)), most_(most), at_once_(at_once) {}
    together(const together&) = delete;
    together& operator=(const together&) = delete;

    awaitable<result<Answer>> ask(tenant_ptr of, Wish what) {
        const auto where = co_await net::this_coro::executor;
        auto& line = lines_[of->id];
        if (line.waiting.empty() || line.waiting.back()->wishes.size() >= most_)
            line.waiting.push_back(std::make_shared<round>(where));
        const auto mine = line.waiting.back();
        const auto at = mine->wishes.size();
        mine->wishes.push_back(std::move(what));
        if (line.serving < at_once_) {
            ++line.serving;
            net::co_spawn(where, serve(std::move(of)), or_die);
        }
        while (!mine->over) co_await mine->done.async_wait(use_tuple);
        co_return std::move(mine->given[at]);
    }

private:
    struct round {
        explicit round(executor where) : done(where, steady_timer::time_point::max()) {}
        std::vector<Wish> wishes;
        answers given;
        steady_timer done;
        bool over = false;
    };
    struct line_state {
        std::deque<std::shared_ptr<round>> waiting;
        unsigned serving = 0;
    };

    awaitable<> serve(tenant_ptr of) {
        // What else can run now joins.
        const auto where = co_await net::this_coro::executor;
        co_await net::post(where, use_awaitable);
        auto& line = lines_[of->id];  // stays where it is
        while (!line.waiting.empty()) {
            const auto next = std::move(line.waiting.front());
            line.waiting.pop_front();
            const auto wished = next->wishes.size();
            try {
                next->given = co_await work_(of, std::move(next->wishes));
            } catch (const std::exception& thrown) {  // so that nobody waits for ever
                const error why{.code = errc::internal, .detail = thrown.what()};
                next->given.assign(wished, result<Answer>(std::unexpect, why));
            }
            next->over = true;
            next->done.cancel();
        }
        if (--line.serving == 0) lines_.erase(of->id);
    }

    const work work_;
    const std::size_t most_;
    const unsigned at_once_;
    std::unordered_map<uuid, line_state> lines_;
};

}  // namespace bulkhead::queue
