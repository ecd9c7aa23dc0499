// SPDX-License-Identifier: Apache-2.0
// Jobs that misbehave as they are told, for tests: they exist in the environment "test" only. What they
// have done is a row of a table that the test makes in the tenant's database.
#pragma once

#include <boost/describe.hpp>
#include <string>

#include "queue/handler.hpp"

namespace bulkhead::worker {

BOOST_DEFINE_ENUM_CLASS(exercise_end, succeed, fail, give_up, exception, spin, crash)

struct exercise_payload {
    schema::or_default<bool, false> effect;                     // insert into exercise_effects (job) …
    schema::or_default<schema::integer<0, 600'000>, 0> before;  // … after so many ms …
    schema::or_default<schema::integer<0, 600'000>, 0> after;   // … and before so many
    schema::or_default<bool, false> deaf;                       // it does not stop when it is asked to
    schema::or_default<exercise_end, exercise_end::succeed> end;
    schema::or_default<schema::integer<0, 100>, 0> until_attempt;  // from this one on it succeeds; 0: never
    schema::or_default<schema::integer<0, 100'000>, 0> hog;        // MiB that it takes at the beginning …
    schema::or_default<bool, false> leak;                          // … and never gives back
};
BOOST_DESCRIBE_STRUCT(exercise_payload, (), (effect, before, after, deaf, end, until_attempt, hog, leak))

class exercise {
public:
    using payload = exercise_payload;
    static constexpr queue::kind_rules kind{.name = "test.exercise",
                                            .retry = {.attempts = 3,
                                                      .first = std::chrono::milliseconds(200),
                                                      .most = std::chrono::milliseconds(400)},
                                            .time_limit = std::chrono::seconds(10)};
    awaitable<queue::run_outcome> run(queue::job_context& job, payload what);
};

/// The same for as long as it takes.
class long_exercise {
public:
    using payload = exercise_payload;
    static constexpr queue::kind_rules kind{.name = "test.long",
                                            .retry = {.attempts = 3,
                                                      .first = std::chrono::milliseconds(200),
                                                      .most = std::chrono::milliseconds(400)},
                                            .time_limit = std::chrono::minutes(15)};
    awaitable<queue::run_outcome> run(queue::job_context& job, payload what);
};

/// The same without a row.
class light_exercise {
public:
    using payload = exercise_payload;
    static constexpr queue::kind_rules kind{.name = "test.light",
                                            .kept = queue::durability::redis,
                                            .retry = {.attempts = 3,
                                                      .first = std::chrono::milliseconds(200),
                                                      .most = std::chrono::milliseconds(400)},
                                            .time_limit = std::chrono::seconds(10)};
    awaitable<queue::run_outcome> run(queue::job_context& job, payload what);
};

}  // namespace bulkhead::worker
