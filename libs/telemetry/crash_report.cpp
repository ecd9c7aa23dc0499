// SPDX-License-Identifier: Apache-2.0
// The half of crash_handler.hpp that runs in a sound process.
#include <poll.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <string>

#include "telemetry/crash_handler.hpp"
#include "telemetry/crash_report.hpp"
#include "telemetry/http_sender.hpp"
#include "telemetry/symbols.hpp"

namespace bulkhead::telemetry {
namespace {

using clock = std::chrono::steady_clock;

constexpr std::chrono::seconds reading_time{5};
constexpr std::size_t longest_report = 4 << 20;

/// All of stdin, for a while and up to a bound: whoever writes it is in no good state.
std::string read_input() {
    std::string out;
    const auto until = clock::now() + reading_time;
    std::array<char, 8192> piece;
    while (out.size() < longest_report) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock::now());
        pollfd input{STDIN_FILENO, POLLIN, 0};
        if (left.count() <= 0 || ::poll(&input, 1, static_cast<int>(left.count())) <= 0) break;
        const auto count = ::read(STDIN_FILENO, piece.data(), piece.size());
        if (count <= 0) break;
        out.append(piece.data(), static_cast<std::size_t>(count));
    }
    return out;
}

std::uint64_t to_number(std::string_view text) {
    const int base = text.starts_with("0x") ? 16 : 10;
    if (base == 16) text.remove_prefix(2);
    std::uint64_t out = 0;
    std::from_chars(text.data(), text.data() + text.size(), out, base);
    return out;
}

void take(crash_report& out, std::string_view name, std::string_view value) {
    auto& what = out.what;
    if (name == "url") out.url = value;
    if (name == "key") out.key = secret(std::string(value));
    if (name == "program") out.program = value;
    if (name == "release") out.origin.release = value;
    if (name == "environment") out.origin.environment = value;
    if (name == "server") out.origin.server_name = value;
    if (name == "time") what.when = utc_time(std::chrono::seconds(to_number(value)));
    if (name == "signal") what.type = value;
    if (name == "address") out.address = value;
    if (name == "thread") what.thread = value;
    if (name == "reason") what.value = value;
    // Of several requests under way each line belongs to the last that was named.
    if (name == "request") what.under_way.push_back({.id = std::string(value)});
    if (!what.under_way.empty()) {
        auto& last = what.under_way.back();
        if (name == "route") last.route = value;
        if (name == "tenant") last.tenant = value;
        if (name == "user") last.user = value;
    }
    if (name == "frame") what.frames.push_back({.address = to_number(value)});
}

}  // namespace

crash_report read_crash_report(std::string_view text) {
    crash_report out;
    out.what.level = "fatal";
    while (!text.empty()) {
        const auto line = text.substr(0, text.find('\n'));
        text.remove_prefix(std::min(text.size(), line.size() + 1));
        if (line == "maps") break;
        const auto blank = line.find(' ');
        if (blank != std::string_view::npos) take(out, line.substr(0, blank), line.substr(blank + 1));
    }
    if (out.what.value.empty()) out.what.value = "access to " + out.address;
    out.what.value = out.program + ", thread " + out.what.thread + ": " + out.what.value;
    if (out.what.under_way.size() == 1) out.what.request = out.what.under_way.front();
    const auto maps = parse_maps(text);
    resolve(out.what.frames, maps);
    out.what.images = images_of(maps, out.what.frames);
    return out;
}

int send_crash_report() {
    const auto report = read_crash_report(read_input());
    if (report.url.empty()) return 1;
    http_sender sender(
        {.url = report.url, .headers = {{"X-Sentry-Auth", secret(sentry_auth(report.key.reveal()))}}});
    const auto outcome =
        sender.post("application/x-sentry-envelope", sentry_envelope(report.origin, report.what));
    if (!outcome.accepted())
        std::fprintf(stderr, "the crash could not be reported: %s\n", outcome.failure.c_str());
    return outcome.accepted() ? 0 : 1;
}

}  // namespace bulkhead::telemetry
