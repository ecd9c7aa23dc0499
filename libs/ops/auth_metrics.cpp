// SPDX-License-Identifier: Apache-2.0
#include "ops/auth_metrics.hpp"

namespace bulkhead::ops {

auth_metrics::auth_metrics(const http::router& routes, metrics::registry& to)
    : login_(make(to, "login")),
      signup_(make(to, "signup")),
      token_(make(to, "token")),
      platform_(make(to, "platform")) {
    for (const auto& row : routes.rows()) {
        if (row.texts.id == "logIn") login_row_ = &row;
        if (row.texts.id == "signUp") signup_row_ = &row;
    }
}

auth_metrics::outcomes auth_metrics::make(metrics::registry& to, std::string_view kind) {
    const auto counter = [&](std::string_view outcome) -> metrics::counter& {
        return to.add_counter("bulkhead_auth_attempts_total", "Attempts to prove who one is, by outcome",
                              metrics::label("kind", kind) + ',' + metrics::label("outcome", outcome));
    };
    return {counter("success"), counter("failure")};
}

void auth_metrics::on_answer(const http::answered& what) {
    if (!what.row) return;
    const auto code = static_cast<unsigned>(what.answer.code);
    const bool denied = what.answer.code == http::status::unauthorized;
    const bool done = code < 300;
    if (what.row == login_row_) {
        if (done) login_.success.add();
        if (denied) login_.failure.add();
    } else if (what.row == signup_row_) {
        // An address that is taken, a password that is too weak: somebody was turned away.
        const bool refused = what.answer.code == http::status::conflict ||
                             what.answer.code == http::status::unprocessable_entity;
        if (done) signup_.success.add();
        if (refused) signup_.failure.add();
    } else if (what.row->required == http::access::user) {
        if (!what.user.empty() && !denied) token_.success.add();
        if (denied) token_.failure.add();
    } else if (what.row->required == http::access::platform) {
        if (done) platform_.success.add();
        if (denied) platform_.failure.add();
    }
}

}  // namespace bulkhead::ops
