// SPDX-License-Identifier: Apache-2.0
#include "telemetry/sentry_event.hpp"

#include <fmt/format.h>

#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "base/random.hpp"
#include "base/version.hpp"
#include "telemetry/clean_text.hpp"

namespace bulkhead::telemetry {
namespace {

constexpr std::size_t longest_text = 1024;  // of one value
constexpr std::size_t longest_tag = 200;    // Sentry's own bound

std::string tidy(std::string_view text) { return clean_text(text, longest_text); }

std::string hex_address(std::uint64_t address) { return fmt::format("{:#x}", address); }

json::object tags_of(const report_request& about) {
    json::object out;
    const auto add = [&out](std::string_view name, std::string_view value) {
        if (!value.empty()) out[name] = clean_text(value, longest_tag);
    };
    add("tenant", about.tenant);
    add("route", about.route);
    add("request_id", about.id);
    if (about.status != 0) out["status"] = std::to_string(about.status);
    return out;
}

json::object request_of(const report_request& about) {
    json::object headers;
    for (const auto& [name, value] : about.headers) headers[name] = clean_text(value, longest_tag);
    return {{"method", tidy(about.method)}, {"url", tidy(about.url)}, {"headers", std::move(headers)}};
}

json::object trace_of(const trace::context& where) {
    return {{"trace_id", trace::hex_text(where.trace).view()},
            {"span_id", trace::hex_text(where.span).view()},
            {"op", "http.server"}};
}

/// Sentry wants the outermost first.
json::array frames_of(const std::vector<crash_frame>& frames) {
    json::array out;
    for (auto at = frames.rbegin(); at != frames.rend(); ++at) {
        json::object frame{{"instruction_addr", hex_address(at->address)}};
        if (at->image != 0) frame["image_addr"] = hex_address(at->image);
        if (!at->file.empty()) frame["package"] = tidy(at->file);
        if (!at->function.empty()) frame["function"] = tidy(at->function);
        out.push_back(std::move(frame));
    }
    return out;
}

json::array images_of(const std::vector<crash_image>& images) {
    json::array out;
    for (const auto& each : images) {
        json::object image{{"type", "elf"},
                           {"image_addr", hex_address(each.address)},
                           {"image_size", each.size},
                           {"code_file", tidy(each.file)}};
        if (!each.build_id.empty()) image["code_id"] = each.build_id;
        out.push_back(std::move(image));
    }
    return out;
}

json::object exception_of(const incident& what) {
    const bool crashed = what.level == "fatal";
    json::object out{{"type", tidy(what.type)},
                     {"value", tidy(what.value)},
                     {"mechanism", {{"type", crashed ? "signalhandler" : "generic"}, {"handled", !crashed}}}};
    if (!what.frames.empty()) out["stacktrace"] = json::object{{"frames", frames_of(what.frames)}};
    if (!what.thread.empty()) out["thread_id"] = tidy(what.thread);
    return out;
}

json::array under_way_of(const std::vector<report_request>& requests) {
    json::array out;
    for (const auto& each : requests)
        out.push_back({{"request_id", tidy(each.id)},
                       {"route", tidy(each.route)},
                       {"tenant", tidy(each.tenant)},
                       {"user", tidy(each.user)}});
    return out;
}

json::object event_of(const report_origin& from, const incident& what, const std::string& id) {
    const auto& about = what.request;
    json::object out{{"event_id", id},
                     {"timestamp", to_rfc3339(what.when)},
                     {"platform", what.images.empty() ? "other" : "native"},
                     {"level", what.level},
                     {"server_name", tidy(from.server_name)},
                     {"release", clean_text(from.release, longest_tag)},
                     {"environment", from.environment},
                     {"sdk", {{"name", "bulkhead"}, {"version", version_text}}},
                     {"exception", {{"values", json::array{exception_of(what)}}}},
                     {"tags", tags_of(about)}};
    if (!about.method.empty()) {
        out["request"] = request_of(about);
        out["transaction"] = tidy(about.method + ' ' + (about.route.empty() ? about.url : about.route));
        out["fingerprint"] = json::array{std::to_string(about.status), tidy(about.method + ' ' + about.route),
                                         tidy(what.type)};
    }
    if (!about.user.empty()) out["user"] = json::object{{"id", tidy(about.user)}};
    if (about.trace.known()) out["contexts"] = json::object{{"trace", trace_of(about.trace)}};
    json::object extra;
    if (what.unreported != 0) extra["alike_and_not_reported"] = what.unreported;
    if (!what.under_way.empty()) extra["requests_under_way"] = under_way_of(what.under_way);
    if (!extra.empty()) out["extra"] = std::move(extra);
    if (!what.images.empty()) out["debug_meta"] = json::object{{"images", images_of(what.images)}};
    return out;
}

}  // namespace

std::string sentry_envelope(const report_origin& from, const incident& what) {
    const auto id = to_hex(random_bytes(16));
    const auto event = json::serialize(event_of(from, what, id));
    const json::object header{{"event_id", id},
                              {"sent_at", to_rfc3339(utc_now())},
                              {"sdk", {{"name", "bulkhead"}, {"version", version_text}}}};
    const json::object item{
        {"type", "event"}, {"content_type", "application/json"}, {"length", event.size()}};
    return json::serialize(header) + '\n' + json::serialize(item) + '\n' + event + '\n';
}

std::string sentry_auth(std::string_view key) {
    return fmt::format("Sentry sentry_version=7, sentry_client=bulkhead/{}, sentry_key={}", version_text,
                       key);
}

}  // namespace bulkhead::telemetry
