// SPDX-License-Identifier: Apache-2.0
#include "support/smtp_server.hpp"

#include <poll.h>
#include <unistd.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <chrono>
#include <stdexcept>

namespace bulkhead::testing {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;

constexpr auto patience = 90s;  // sanitizers and a busy machine included
constexpr auto script = BULKHEAD_SOURCE_DIR "/tests/support/smtp_server.py";

runtime::stream new_stream() {
    auto made = runtime::make_stream();
    if (!made) throw std::runtime_error("no descriptors for the mail server");
    return *std::move(made);
}

runtime::child_process begin(std::vector<std::string> arguments, int input, int output) {
    arguments.insert(arguments.begin(), {"-B", script});
    auto made = runtime::child_process::start({.program = "/usr/bin/python3",
                                               .arguments = std::move(arguments),
                                               .environment = {"PATH=/usr/bin:/bin"}},
                                              input, output);
    if (!made) throw std::runtime_error("the mail server does not start");
    return *std::move(made);
}

}  // namespace

smtp_server::smtp_server(std::vector<std::string> arguments)
    : to_(new_stream()),
      from_(new_stream()),
      process_(begin(std::move(arguments), to_.to_read.get(), from_.to_write.get())) {
    to_.to_read.close();
    from_.to_write.close();
    port_ = json::parse(read_line()).at("port").to_number<std::uint16_t>();
}

void smtp_server::rule(std::string_view stage, std::string_view reply, int times) {
    json::object what{{"rule", stage}, {"reply", reply}};
    if (times >= 0) what["times"] = times;
    ask(what);
}

void smtp_server::reset() { ask({{"reset", true}}); }

json::object smtp_server::seen() { return json::parse(ask({{"seen", true}})).as_object(); }

std::string smtp_server::ask(const json::object& what) {
    const auto line = json::serialize(what) + '\n';
    if (::write(to_.to_write.get(), line.data(), line.size()) != static_cast<ssize_t>(line.size()))
        throw std::runtime_error("the mail server does not listen to us");
    return read_line();
}

std::string smtp_server::read_line() {
    const auto end = std::chrono::steady_clock::now() + patience;
    while (std::chrono::steady_clock::now() < end) {
        if (const auto found = buffer_.find('\n'); found != std::string::npos) {
            auto line = buffer_.substr(0, found);
            buffer_.erase(0, found + 1);
            return line;
        }
        if (!runtime::wait_ready(from_.to_read.get(), POLLIN)) continue;
        char bytes[4096];
        const auto got = ::read(from_.to_read.get(), bytes, sizeof bytes);
        if (got <= 0) break;
        buffer_.append(bytes, static_cast<std::size_t>(got));
    }
    process_.ended();
    throw std::runtime_error("the mail server is gone: " + std::string(process_.messages()));
}

}  // namespace bulkhead::testing
