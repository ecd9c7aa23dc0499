// SPDX-License-Identifier: Apache-2.0
// What was compressed once and for all: bytes that live as long as the program, by where they are. Safe from
// any thread; what it hands out lives as long as the store.
#pragma once

#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "http/accept_encoding.hpp"

namespace bulkhead::http {

class compression_store {
public:
    /// Room for so many; more are not kept. A program has a handful of files and two codings.
    explicit compression_store(std::size_t room = 64) : room_(room) {}

    /// nullopt: not made yet.
    [[nodiscard]] std::optional<std::string_view> find(std::string_view original, coding how) const;

    /// True: the caller shall make it and say keep() or give_up(). False: somebody else is at it, or there is
    /// no room.
    [[nodiscard]] bool claim(std::string_view original, coding how);
    std::string_view keep(std::string_view original, coding how, std::string made);
    void give_up(std::string_view original, coding how);

private:
    using key = std::pair<const char*, coding>;
    static key key_of(std::string_view original, coding how) { return {original.data(), how}; }

    const std::size_t room_;
    mutable std::mutex guard_;
    std::map<key, std::optional<std::string>> made_;  // nullopt: being made
};

}  // namespace bulkhead::http
