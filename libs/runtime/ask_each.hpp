// SPDX-License-Identifier: Apache-2.0
// One question to every reactor, asked by a coroutine of one of them: each answers on its own thread, from
// what belongs to it, and whoever is held up is left out when the time has passed.
#pragma once

#include <boost/asio/post.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "runtime/asio.hpp"
#include "runtime/deadline.hpp"

namespace bulkhead::runtime {

/// The answers in the order of `reactors`; nullopt for one that did not answer before `limit`. `question` is
/// called with the index of its reactor, on that reactor's thread, perhaps after `limit`: what it refers to
/// must live as long as the reactors run. It must not throw.
template <class T>
awaitable<std::vector<std::optional<T>>> ask_each(std::vector<executor> reactors,
                                                  std::function<T(std::size_t)> question, deadline limit) {
    // Touched on the asking reactor only.
    struct collected {
        std::vector<std::optional<T>> answers;
        std::size_t missing;
        steady_timer done;
    };
    const auto home = co_await net::this_coro::executor;
    const auto state = std::make_shared<collected>(collected{
        std::vector<std::optional<T>>(reactors.size()), reactors.size(), steady_timer(home, limit.at())});
    const auto shared_question = std::make_shared<const std::function<T(std::size_t)>>(std::move(question));
    for (std::size_t i = 0; i < reactors.size(); ++i) {
        auto ask = [home, state, shared_question, i] {
            auto keep = [state, i, answer = (*shared_question)(i)]() mutable {
                state->answers[i] = std::move(answer);
                if (--state->missing == 0) state->done.cancel();
            };
            net::post(home, std::move(keep));
        };
        net::post(reactors[i], std::move(ask));
    }
    if (state->missing > 0) co_await state->done.async_wait(use_tuple);
    co_return state->answers;
}

}  // namespace bulkhead::runtime
