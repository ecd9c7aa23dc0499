// SPDX-License-Identifier: Apache-2.0
#include "http/route_metrics.hpp"

#include <fmt/format.h>

#include <algorithm>

namespace bulkhead::http {

route_metrics::route_metrics(const router& routes, metrics::registry& to)
    : registry_(to), first_(routes.rows().data()) {
    for (const auto& row : routes.rows()) {
        const auto method = boost::beast::http::to_string(row.method);
        rows_.push_back(make({method.data(), method.size()}, row.path));
    }
    rows_.push_back(make("any", "unknown"));
}

route_metrics::counted route_metrics::make(std::string_view method, std::string_view route) {
    auto labels = metrics::label("method", method) + ',' + metrics::label("route", route);
    auto& seconds = registry_.add_histogram("bulkhead_http_request_duration_seconds",
                                            "Time from the complete head of a request to its answer",
                                            metrics::latency_bounds(), labels);
    return {std::move(labels), &seconds, std::vector<metrics::counter*>(last_code - first_code + 1)};
}

void route_metrics::on_answer(const answered& what) {
    auto& at = what.row ? rows_[static_cast<std::size_t>(what.row - first_)] : rows_.back();
    at.seconds->observe(std::chrono::duration<double>(what.duration).count());
    counter(at, static_cast<unsigned>(what.answer.code)).add();
}

/// The first answer with a code takes the registry's lock. There are not many: we choose the codes.
metrics::counter& route_metrics::counter(counted& at, unsigned code) {
    auto*& known = at.by_code[std::clamp(code, first_code, last_code) - first_code];
    if (!known)
        known =
            &registry_.add_counter("bulkhead_http_requests_total", "Requests answered by route and status",
                                   fmt::format(R"({},code="{}")", at.labels, code));
    return *known;
}

}  // namespace bulkhead::http
