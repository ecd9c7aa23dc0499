// SPDX-License-Identifier: Apache-2.0
#include "telemetry/request_spans.hpp"

#include <fmt/format.h>

#include "http/exchange.hpp"

namespace bulkhead::telemetry {
namespace {

constexpr unsigned first_error_of_ours = 500;

std::string text(std::string_view view) { return std::string(view); }

}  // namespace

void describe_request(trace::span& into, const http::answered& what) {
    const auto& x = *what.request;
    const bool known = what.head.method != http::verb::unknown;
    const auto method = known ? text(what.head.method_text) : std::string("_OTHER");
    const auto code = static_cast<unsigned>(what.answer.code);
    into.name = known ? method : "HTTP";
    if (what.row) into.name += ' ' + text(what.row->path);
    into.set("http.request.method", method);
    if (!known) into.set("http.request.method_original", text(what.head.method_text));
    if (what.row) into.set("http.route", text(what.row->path));
    into.set("http.response.status_code", static_cast<std::int64_t>(code));
    into.set("http.response.body.size", static_cast<std::int64_t>(what.answer.content_size()));
    into.set("url.path", text(what.head.path));
    into.set("url.scheme", x.origin().secure ? std::string("https") : std::string("http"));
    into.set("client.address", x.origin().client.to_string());
    into.set("network.protocol.name", std::string("http"));
    into.set("network.protocol.version", fmt::format("1.{}", what.head.version_minor));
    if (const auto agent = what.head.find("User-Agent")) into.set("user_agent.original", text(*agent));
    into.set("bulkhead.request.id", text(what.request_id));
    if (!what.tenant.empty()) into.set("bulkhead.tenant.slug", text(what.tenant));
    if (code < first_error_of_ours) return;
    into.failed = true;
    const auto& thrown = x.failure().type;
    into.set("error.type", thrown.empty() ? std::to_string(code) : thrown);
}

void request_spans::on_answer(const http::answered& what) {
    if (!what.request || !what.request->recording()) return;
    to_.put(what.request->recording()->take([&](trace::span& root) { describe_request(root, what); }));
}

}  // namespace bulkhead::telemetry
