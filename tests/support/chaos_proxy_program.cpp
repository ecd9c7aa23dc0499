// SPDX-License-Identifier: Apache-2.0
// The chaos proxy for tests that are not C++: `chaos-proxy HOST PORT` prints the port that it listens on and
// then obeys one command a line on stdin, each answered by "ok", a line of numbers, or "error: why". It ends
// with its stdin.
//
//   set server|client [delay=MS] [rate=BYTES/S] [slice=BYTES] [pause=MS] [corrupt=N] [cut=BYTES]
//                     [reset=BYTES] [stall=1] [swallow=1] [keep_open=1]
//   clear | refuse | accept | cut | reset | seen
#include <charconv>
#include <functional>
#include <iostream>
#include <map>
#include <sstream>
#include <stdexcept>

#include "support/chaos_proxy.hpp"

using namespace bulkhead::testing;

namespace {

std::size_t number_in(std::string_view text) {
    std::size_t out = 0;
    const auto [end, ec] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (ec != std::errc{} || end != text.data() + text.size())
        throw std::invalid_argument("not a number: " + std::string(text));
    return out;
}

faults parse_faults(std::istringstream& words) {
    faults out;
    const std::map<std::string, std::function<void(std::size_t)>, std::less<>> names{
        {"delay", [&](std::size_t n) { out.delay = std::chrono::milliseconds(n); }},
        {"rate", [&](std::size_t n) { out.bytes_per_second = n; }},
        {"slice", [&](std::size_t n) { out.slice = n; }},
        {"pause", [&](std::size_t n) { out.slice_pause = std::chrono::milliseconds(n); }},
        {"corrupt", [&](std::size_t n) { out.corrupt_every = std::max<std::size_t>(1, n); }},
        {"cut", [&](std::size_t n) { out.cut_after = n; }},
        {"reset", [&](std::size_t n) { out.reset_after = n; }},
        {"stall", [&](std::size_t n) { out.stall = n != 0; }},
        {"swallow", [&](std::size_t n) { out.swallow = n != 0; }},
        {"keep_open", [&](std::size_t n) { out.keep_open = n != 0; }},
    };
    for (std::string word; words >> word;) {
        const auto equals = word.find('=');
        const auto found = names.find(word.substr(0, equals));
        if (equals == word.npos || found == names.end())
            throw std::invalid_argument("no such fault: " + word);
        found->second(number_in(std::string_view(word).substr(equals + 1)));
    }
    return out;
}

std::string obey(chaos_proxy& proxy, const std::string& line) {
    std::istringstream words(line);
    std::string verb;
    words >> verb;
    if (verb == "set") {
        std::string direction;
        words >> direction;
        if (direction != "server" && direction != "client") throw std::invalid_argument("set server|client");
        proxy.set(direction == "server" ? toward::server : toward::client, parse_faults(words));
    } else if (verb == "clear") {
        proxy.clear();
    } else if (verb == "refuse" || verb == "accept") {
        proxy.refuse(verb == "refuse");
    } else if (verb == "cut") {
        proxy.cut();
    } else if (verb == "reset") {
        proxy.reset();
    } else if (verb == "seen") {
        const auto seen = proxy.seen();
        std::ostringstream out;
        out << seen.connections << ' ' << seen.open << ' ' << seen.to_server << ' ' << seen.to_client;
        return out.str();
    } else {
        throw std::invalid_argument("no such command: " + verb);
    }
    return "ok";
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 3) {
        std::cerr << "usage: chaos-proxy HOST PORT\n";
        return 2;
    }
    chaos_proxy proxy(argv[1], static_cast<std::uint16_t>(number_in(argv[2])));
    std::cout << proxy.port() << std::endl;
    for (std::string line; std::getline(std::cin, line);) {
        std::string answer;
        try {
            answer = obey(proxy, line);
        } catch (const std::invalid_argument& e) {
            answer = std::string("error: ") + e.what();
        }
        std::cout << answer << std::endl;
    }
    return 0;
} catch (const std::exception& e) {
    std::cerr << "chaos-proxy: " << e.what() << '\n';
    return 1;
}
