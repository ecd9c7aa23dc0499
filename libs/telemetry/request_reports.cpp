// SPDX-License-Identifier: Apache-2.0
#include "telemetry/request_reports.hpp"

#include <fmt/format.h>

#include <array>
#include <functional>

#include "http/exchange.hpp"

namespace bulkhead::telemetry {
namespace {

constexpr unsigned bugs_a_minute = 5;
constexpr unsigned troubles_a_minute = 1;

/// Headers that tell something about a failure and nothing about its user. Not Referer: it has a query.
constexpr std::array told{"Accept", "Content-Length", "Content-Type", "Host", "User-Agent"};

std::string text(std::string_view view) { return std::string(view); }

std::string url_of(const http::answered& what) {
    const auto* scheme = what.request->origin().secure ? "https" : "http";
    return fmt::format("{}://{}{}", scheme, what.head.host, what.head.path);
}

}  // namespace

unsigned reports_a_minute(const http::answered& what) {
    if (!what.request || (what.row && what.row->texts.probe)) return 0;
    switch (static_cast<unsigned>(what.answer.code)) {
        case 500: return bugs_a_minute;
        case 503:
        case 504: return what.request->served() ? troubles_a_minute : 0;
        default: return 0;
    }
}

incident describe_failure(const http::answered& what) {
    const auto& x = *what.request;
    const auto code = static_cast<unsigned>(what.answer.code);
    const auto& [type, reason] = x.failure();
    incident out;
    out.when = utc_now();
    out.type = type.empty() ? fmt::format("HTTP {}", code) : type;
    out.value = reason.empty() ? fmt::format("{} {} was answered with {}", what.head.method_text,
                                             what.row ? what.row->path : std::string_view("(no route)"), code)
                               : reason;
    auto& about = out.request;
    about.method = text(what.head.method_text);
    about.url = url_of(what);
    if (what.row) about.route = text(what.row->path);
    for (const auto* name : told)
        if (const auto value = what.head.find(name)) about.headers.emplace_back(name, text(*value));
    about.status = code;
    about.id = text(what.request_id);
    about.tenant = text(what.tenant);
    about.user = text(what.user);
    about.trace = x.trace();
    return out;
}

void request_reports::on_answer(const http::answered& what) {
    const auto most = reports_a_minute(what);
    if (most == 0) return;
    const std::hash<std::string_view> hash;
    const auto kind = hash(what.row ? what.row->texts.id : "") * 31 + hash(what.request->failure().type) * 7 +
                      static_cast<unsigned>(what.answer.code);
    const auto held_back = limiter_.admit(kind, most, report_limiter::clock::now());
    if (!held_back) return to_.count_alike();
    auto report = describe_failure(what);
    report.unreported = *held_back;
    to_.put(std::move(report));
}

}  // namespace bulkhead::telemetry
