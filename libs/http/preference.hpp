// SPDX-License-Identifier: Apache-2.0
// "Prefer: wait=10" (RFC 7240 section 4.3): how long a client would rather wait for the end of long work than
// be told to come back. An argument of handlers, and the outcome that goes with it.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "http/arguments.hpp"
#include "http/outcomes.hpp"

namespace bulkhead::http {

/// The longest wait that is granted.
inline constexpr std::chrono::seconds longest_wait{30};

/// The value of a preference, without its parameters; "" for one without a value. The first of several
/// counts. What is malformed is no preference: nobody is refused for one (RFC 7240 section 2).
[[nodiscard]] std::optional<std::string> find_preference(const request_head& head, std::string_view name);

struct wait_preference {
    /// As it is granted, at most longest_wait; nullopt: the client did not ask.
    std::optional<std::chrono::seconds> granted{};
};

template <>
struct argument<wait_preference> {
    static result<wait_preference> from(exchange& x);
    static void document(operation& op);
};

/// 201 with what was made when it was done in time, else 202 with the state of the work. Says with
/// Preference-Applied which wait was granted.
template <class T, class Work>
struct created_or_accepted {
    std::variant<created<T>, accepted<Work>> value;
    wait_preference asked{};
};

void add_preference_applied(response& out, const wait_preference& asked);

template <class T, class Work>
struct outcome<created_or_accepted<T, Work>> {
    static response to_response(created_or_accepted<T, Work>&& result) {
        auto out = std::visit(
            [](auto&& each) {
                return outcome<std::remove_cvref_t<decltype(each)>>::to_response(
                    std::forward<decltype(each)>(each));
            },
            std::move(result.value));
        add_preference_applied(out, result.asked);
        return out;
    }
    static void document(operation& op) {
        outcome<created<T>>::document(op);
        outcome<accepted<Work>>::document(op);
    }
};

}  // namespace bulkhead::http
