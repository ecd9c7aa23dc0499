// SPDX-License-Identifier: Apache-2.0
// bulkhead_auth_attempts_total: who proved to be who they say, and who did not, by what they tried it with.
// Taken from the answers, so that no feature has to count. Answers that decide nothing (429, 503) are not
// counted. One object per reactor.
#pragma once

#include <array>

#include "http/observer.hpp"
#include "http/router.hpp"
#include "observability/metrics.hpp"

namespace bulkhead::ops {

class auth_metrics final : public http::answer_observer {
public:
    /// Both must outlive this object. Operations "logIn" and "signUp" are the kinds login and signup.
    auth_metrics(const http::router& routes, metrics::registry& to);

    void on_answer(const http::answered& what) override;

private:
    struct outcomes {
        metrics::counter& success;
        metrics::counter& failure;
    };
    static outcomes make(metrics::registry& to, std::string_view kind);

    const http::route* login_row_ = nullptr;
    const http::route* signup_row_ = nullptr;
    outcomes login_, signup_, token_, platform_;
};

}  // namespace bulkhead::ops
