// SPDX-License-Identifier: Apache-2.0
// A log line for each answer, or for a part of them: who asked what, what came of it and how long it took.
// Without the query and without any header but User-Agent: they may hold what nobody should read in a log
// (OWASP ASVS 14.2.1). One object per reactor.
#pragma once

#include <chrono>
#include <random>

#include "http/observer.hpp"

namespace bulkhead::http {

struct access_log_options {
    double part = 1;                        // of the answers, chosen at random; 0 to 1
    std::chrono::milliseconds slow{1'000};  // answers that took this long are always logged, and so are 5xx
};

class access_log final : public answer_observer {
public:
    /// Of the answers that are logged only because they are slow or 5xx; an overload must not drown the log.
    static constexpr unsigned most_exceptions = 100;  // a second

    explicit access_log(const access_log_options& wanted);

    void on_answer(const answered& what) override;

private:
    bool chosen();
    bool exceptional(const answered& what);

    const access_log_options options_;
    std::minstd_rand noise_;
    std::uint64_t threshold_;
    std::chrono::steady_clock::time_point second_{};
    unsigned exceptions_ = 0;  // in that second
};

}  // namespace bulkhead::http
