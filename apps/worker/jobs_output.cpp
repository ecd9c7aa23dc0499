// SPDX-License-Identifier: Apache-2.0
#include "jobs_output.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>
#include <cstdio>

#include "base/time.hpp"

namespace bulkhead::worker {
namespace {

json::value text_or_null(const std::string& text) {
    return text.empty() ? json::value() : json::value(json::string(text));
}

json::value parsed(const std::string& text) {
    if (text.empty()) return nullptr;
    auto read = parse_json(text);
    return read ? *std::move(read) : json::value(json::string(text));
}

json::object object_of(const queue::job_row& job) {
    json::object out;
    out["id"] = job.id.to_string();
    out["kind"] = job.kind;
    out["lane"] = queue::lane_name(job.of);
    out["state"] = job.state;
    out["priority"] = queue::priority_name(job.urgency);
    out["attempt"] = job.attempt;
    out["most_attempts"] = job.most_attempts;
    out["lost"] = job.lost;
    out["run_at"] = job.run_at;
    out["created_at"] = job.created_at;
    out["started_at"] = text_or_null(job.started_at);
    out["finished_at"] = text_or_null(job.finished_at);
    out["unique_key"] = text_or_null(job.unique_key);
    out["user_id"] = job.user ? json::value(json::string(job.user->to_string())) : json::value();
    out["progress"] = job.progress ? json::value(*job.progress) : json::value();
    out["note"] = job.note;
    out["errors"] = parsed(job.errors);
    out["result"] = parsed(job.result);
    return out;
}

std::string last_error(const queue::job_row& job) {
    const auto errors = parsed(job.errors);
    if (!errors.is_array() || errors.get_array().empty()) return {};
    const auto& last = errors.get_array().back();
    const auto* const reason = last.is_object() ? last.get_object().if_contains("reason") : nullptr;
    return reason && reason->is_string() ? std::string(reason->get_string()) : std::string();
}

std::string short_text(std::chrono::milliseconds time) { return format_duration(time); }

}  // namespace

void jobs_output::data(const json::object& object, std::string_view text) const {
    if (json_)
        fmt::print("{}\n", json::serialize(object));
    else if (!text.empty())
        fmt::print("{}\n", text);
    std::fflush(stdout);
}

void jobs_output::heading(std::string_view text) const {
    if (!json_) fmt::print("{}\n", text);
}

void jobs_output::summary(json::object object) const {
    object["type"] = "summary";
    data(object, "");
}

void jobs_output::message(std::string_view text) { fmt::print(stderr, "{}\n", text); }

void jobs_output::line_of(const queue::job_row& job) const {
    data(object_of(job),
         fmt::format("{}  {:<9}  {}/{}  {}  {}  {}", job.id.to_string(), job.state, job.attempt,
                     job.most_attempts, job.created_at, job.kind, last_error(job)));
}

void jobs_output::all_of(const queue::job_row& job) const {
    auto object = object_of(job);
    object["payload"] = parsed(job.payload);
    object["checkpoint"] = parsed(job.checkpoint);
    std::string text;
    for (const auto& [name, value] : object) {
        const auto shown = value.is_string() ? std::string(value.get_string()) : json::serialize(value);
        text += fmt::format("{}{:<14} {}", text.empty() ? "" : "\n", std::string_view(name), shown);
    }
    data(object, text);
}

void jobs_output::lane_line(queue::lane which, const queue::dispatch::numbers& of) const {
    json::object object;
    object["lane"] = queue::lane_name(which);
    object["waiting"] = of.waiting;
    object["delayed"] = of.delayed;
    object["running"] = of.running;
    object["dead"] = of.dead;
    object["tenants"] = of.tenants;
    object["parked"] = of.parked;
    object["oldest_ms"] = of.oldest.count();
    data(object, fmt::format("{:<9} {:>9} {:>9} {:>9} {:>9} {:>9}  {}", queue::lane_name(which), of.waiting,
                             of.delayed, of.running, of.dead, of.tenants, short_text(of.oldest)));
}

void jobs_output::explanation(const queue::job_row& job, const queue::dispatch::explanation& why) const {
    json::object object;
    object["id"] = job.id.to_string();
    object["state"] = job.state;
    object["redis"] = why.state;
    object["position"] = why.position;
    object["tenants_ahead"] = why.tenants_ahead;
    object["parked"] = why.parked;
    object["until_ms"] = why.until.count();
    object["progress"] = why.percent ? json::value(*why.percent) : json::value();
    object["note"] = why.note;
    std::string text =
        fmt::format("{} is {} in the database and {} in Redis", job.kind, job.state, why.state);
    if (why.state == "waiting")
        text +=
            fmt::format("; number {} of its tenant, {} tenants are ahead", why.position, why.tenants_ahead);
    if (!why.parked.empty()) text += "; the tenant waits for its " + why.parked;
    if (why.until.count() > 0) text += fmt::format("; in {}", short_text(why.until));
    if (why.state == "unknown" && job.state == "pending")
        text += "; a worker brings it there within minutes, at once if you retry it";
    if (why.percent) text += fmt::format("; {} %", *why.percent);
    if (!why.note.empty()) text += "; " + why.note;
    data(object, text);
}

}  // namespace bulkhead::worker
