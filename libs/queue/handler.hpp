// SPDX-License-Identifier: Apache-2.0
// A handler is one small class: what its kind is, what its payload looks like, and how it is run.
//     struct resize_payload { uuid image; schema::integer<1, 4096> width; };
//     BOOST_DESCRIBE_STRUCT(resize_payload, (), (image, width))
//     class resize_image {
//     public:
//         using payload = resize_payload;
//         static constexpr queue::kind_rules kind{.name = "image.resize", .lane = queue::lane::bulk};
//         awaitable<queue::run_outcome> run(queue::job_context& job, payload what);
//     };
// The payload is checked when a job is made and again before it runs. One handler serves all jobs of its kind
// on a reactor, many of them at a time; it is made at start and outlives them.
#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "queue/job.hpp"
#include "queue/job_context.hpp"
#include "queue/outcome.hpp"
#include "schema/schema.hpp"

namespace bulkhead::queue {

template <class H>
concept handler = schema::readable<typename H::payload> && schema::writable<typename H::payload> &&
    requires(H& one, job_context& job, typename H::payload what) {
    { H::kind } -> std::convertible_to<const kind_rules&>;
    { one.run(job, std::move(what)) } -> std::same_as<awaitable<run_outcome>>;
};

/// A job for the handler H. Set what differs from the kind's rules (run_at, unique_key, user, priority).
template <handler H>
[[nodiscard]] new_job job_of(const typename H::payload& what) {
    new_job out;
    out.kind = H::kind.name;
    out.lane = H::kind.lane;
    out.kept = H::kind.kept;
    out.version = H::kind.version;
    out.most_attempts = H::kind.retry.attempts;
    out.payload = schema::to_json(what);
    return out;
}

/// A handler without its type.
struct known_handler {
    kind_rules rules;
    /// errc::validation_failed names what is wrong in the payload.
    std::function<result<>(std::string_view payload)> check;
    std::function<awaitable<run_outcome>(job_context& job, std::string payload)> run;
};

/// The kinds that a program knows. Filled at start, then read by one reactor.
class handlers {
public:
    /// `one` must outlive this object. Throws std::logic_error for a bad or repeated name.
    template <handler H>
    void add(H& one) {
        add({.rules = H::kind, .check = &check<H>, .run = [&one](job_context& job, std::string payload) {
                 return run_one<H>(one, job, std::move(payload));
             }});
    }
    void add(known_handler one);
    /// Its rules and the check of its payload only: for programs that make such jobs and run none.
    template <handler H>
    void know() {
        add({.rules = H::kind, .check = &check<H>, .run = {}});
    }

    /// nullptr: this program does not know the kind.
    [[nodiscard]] const known_handler* find(std::string_view kind) const;
    [[nodiscard]] auto begin() const { return by_name_.begin(); }
    [[nodiscard]] auto end() const { return by_name_.end(); }

private:
    template <handler H>
    static result<> check(std::string_view payload) {
        if (auto read = schema::parse<typename H::payload>(payload); !read)
            return std::unexpected(std::move(read.error()));
        return {};
    }
    template <handler H>
    static awaitable<run_outcome> run_one(H& one, job_context& job, std::string payload) {
        auto what = schema::parse<typename H::payload>(payload);
        if (!what) co_return give_up("the payload does not fit this kind: " + what.error().detail);
        co_return co_await one.run(job, *std::move(what));
    }

    std::map<std::string, known_handler, std::less<>> by_name_;
};

}  // namespace bulkhead::queue
