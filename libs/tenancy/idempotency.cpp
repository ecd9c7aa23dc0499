// SPDX-License-Identifier: Apache-2.0
#include "tenancy/idempotency.hpp"

#include <utility>

#include "base/fail_point.hpp"
#include "http/idempotency_key.hpp"
#include "http/problem.hpp"
#include "tenancy/usage.hpp"

namespace bulkhead::tenancy {
namespace {

/// How often a handler runs when the database undoes its work for passing reasons.
constexpr int most_rounds = 3;

metrics::counter& outcomes(metrics::registry& in, std::string_view outcome) {
    return in.add_counter("bulkhead_idempotency_total",
                          "Requests with an Idempotency-Key that were not simply done.",
                          metrics::label("outcome", outcome));
}

kept_answer read_answer(const postgres::result_set& rows) {
    return {.status = rows[0].get<std::int16_t>(0), .sealed = rows[0].get<std::string>(1)};
}

/// What the exchange was told of the answer (a cookie) is part of that answer: kept with it, and gone with
/// it.
void collect_headers(http::exchange& x, http::response& into) {
    std::vector<std::pair<std::string_view, std::string>> own;
    for (auto& [name, value] : x.take_headers()) {
        if (!is_kept_header(name))
            x.add_header(name, std::move(value));
        else if (!into.has_header(name))
            own.emplace_back(name, std::move(value));
    }
    for (auto& [name, value] : own) into.header(name, std::move(value));
}

awaitable<result<std::optional<kept_answer>>> find(postgres::database db, const idempotent_request& what) {
    const auto statement = find_statement(what);
    const auto rows = co_await db.read(statement.what, statement.with);
    if (!rows) co_return std::unexpected(rows.error());
    if (rows->empty()) co_return std::nullopt;
    co_return read_answer(*rows);
}

}  // namespace

/// The right to do the work of a key, taken with the first write.
class idempotency::claim final : public postgres::write_scope {
public:
    claim(postgres::database db, const idempotent_request& what, http::exchange& x, const tenant& of)
        : db_(std::move(db)), what_(what), exchange_(x), tenant_(of) {}

    awaitable<result<std::shared_ptr<postgres::transaction>>> enter() override {
        if (open_) co_return open_;
        if (found_) co_return fail(errc::conflict, "the work was done already");
        if (refusal_) co_return std::unexpected(*refusal_);
        if (std::exchange(entering_, true)) co_return fail(errc::internal, "two first writes at once");
        auto begun = co_await begin();
        entering_ = false;
        if (!begun) {
            if (!found_) refusal_ = begun.error();
            co_return std::unexpected(std::move(begun.error()));
        }
        co_return open_;
    }
    [[nodiscard]] std::shared_ptr<postgres::transaction> entered() const override { return open_; }

    /// Nothing is written through it any more.
    std::shared_ptr<postgres::transaction> close() {
        if (!refusal_) refusal_ = error{.code = errc::internal, .detail = "the request is answered"};
        return std::exchange(open_, nullptr);
    }

    /// Somebody has done the work since we looked.
    [[nodiscard]] const std::optional<kept_answer>& found() const noexcept { return found_; }
    /// Why nothing could be written.
    [[nodiscard]] const std::optional<error>& refusal() const noexcept { return refusal_; }
    [[nodiscard]] const postgres::database& outside() const noexcept { return db_; }

private:
    awaitable<result<>> begin() {
        std::vector<postgres::query> first;
        first.push_back(claim_statement(what_));
        first.push_back(find_statement(what_));
        auto begun = co_await db_.begin(std::move(first));
        if (!begun) co_return std::unexpected(std::move(begun.error()));
        if (!begun->rows[0][0].get<bool>(0)) {
            error busy{.code = errc::idempotency_running, .retry_after = std::chrono::seconds{1}};
            co_return std::unexpected(std::move(busy));
        }
        if (!begun->rows[1].empty()) {
            found_ = read_answer(begun->rows[1]);
            co_return fail(errc::conflict, "the work was done already");
        }
        // Only now: whoever asks again for what was done needs no room.
        if (auto room = exchange_.service<usage_quotas>().check_storage(tenant_, exchange_); !room)
            co_return std::unexpected(std::move(room.error()));
        open_ = std::make_shared<postgres::transaction>(std::move(begun->open));
        co_return result<>{};
    }

    const postgres::database db_;
    const idempotent_request& what_;
    http::exchange& exchange_;
    const tenant& tenant_;
    std::shared_ptr<postgres::transaction> open_;
    std::optional<kept_answer> found_;
    std::optional<error> refusal_;
    bool entering_ = false;
};

/// What came of running the handler.
struct idempotency::round {
    http::response answer;
    bool again = false;  // it was undone for a passing reason
};

idempotency::idempotency(const sealed_box& box, metrics::registry& counts, idempotency_settings settings)
    : box_(box),
      settings_(settings),
      replayed_(outcomes(counts, "replayed")),
      running_(outcomes(counts, "in-progress")),
      reused_(outcomes(counts, "key-reused")),
      gone_(outcomes(counts, "answer-gone")) {}

awaitable<http::response> idempotency::serve(http::exchange& x, tenant_context& within, uuid user,
                                             handler run) {
    const auto what = idempotent_request::of(x, within.info().id, user);
    if (!what) co_return refuse(x, what.error());
    const auto known = co_await find(within.db(), *what);
    if (!known) co_return refuse(x, known.error());
    if (*known) co_return replay(x, *what, **known);
    for (int rounds = 1;; ++rounds) {
        auto done = co_await serve_once(x, within, *what, run);
        if (!done.again || rounds == most_rounds || x.deadline().passed()) co_return std::move(done.answer);
    }
}

awaitable<idempotency::round> idempotency::serve_once(http::exchange& x, tenant_context& within,
                                                      const idempotent_request& what, const handler& run) {
    x.forget_effects();  // of a round that was undone
    const auto outside = within.db_;
    const auto held = std::make_shared<claim>(outside, what, x, within.info());
    within.db_ = outside.within(held);
    auto answer = co_await run();
    within.db_ = outside;
    collect_headers(x, answer);
    auto done = co_await settle(x, what, *held, std::move(answer));
    co_return std::move(done);
}

awaitable<idempotency::round> idempotency::settle(http::exchange& x, const idempotent_request& what,
                                                  claim& held, http::response answer) {
    round out;
    if (held.found()) {
        out.answer = replay(x, what, *held.found());
        co_return std::move(out);
    }
    if (held.refusal()) {
        out.answer = refuse(x, *held.refusal());
        co_return std::move(out);
    }
    const auto work = held.close();
    if (!work) {
        // What the handler saw may have been the work of a twin, which has ended since we looked.
        const auto known = co_await find(held.outside(), what);
        out.answer = known && *known ? replay(x, what, **known) : std::move(answer);
        co_return std::move(out);
    }
    const auto kind = static_cast<unsigned>(answer.code) / 100;
    out.again = work->passing();
    out.answer = std::move(answer);
    if (out.again || kind == 5) co_return std::move(out);
    std::vector<postgres::query> last;
    if (kind == 2) last.push_back(save_statement(what, keep_answer(what, out.answer, box_), settings_.kept));
    fail_point("idempotency.before-commit");
    const auto committed = co_await work->commit(std::move(last));
    fail_point("idempotency.after-commit");
    out.again = work->passing();
    // A refusal stands although its traces are lost: the statement that failed is the reason for it.
    if (!committed && kind == 2) out.answer = refuse(x, committed.error());
    co_return std::move(out);
}

http::response idempotency::replay(http::exchange& x, const idempotent_request& what,
                                   const kept_answer& kept) {
    x.forget_effects();  // they were the effects of the request that was answered so first
    auto answer = replay_answer(what, kept, box_);
    if (!answer) return refuse(x, answer.error());
    replayed_.add();
    return *std::move(answer);
}

http::response idempotency::refuse(const http::exchange& x, const error& why) {
    if (why.code == errc::idempotency_running) running_.add();
    if (why.code == errc::idempotency_reused) reused_.add();
    if (why.code == errc::idempotency_gone) gone_.add();
    return http::problem_response(why, x.request_id());
}

}  // namespace bulkhead::tenancy

namespace bulkhead::http {

awaitable<response> context<tenancy::tenant_context>::enclose(exchange& x, tenancy::tenant_context& made,
                                                              served_by<tenancy::tenant_context> handler) {
    return tenancy::enclose(x, made, uuid{}, made, handler);
}

}  // namespace bulkhead::http
