// SPDX-License-Identifier: Apache-2.0
#include "features/platform/errand.hpp"

#include <boost/asio/co_spawn.hpp>

#include <algorithm>

#include "features/platform/repository.hpp"
#include "lifecycle/work.hpp"
#include "observability/log.hpp"
#include "runtime/or_die.hpp"

namespace bulkhead::platform {
namespace {

/// To read what has become of the work, after a wait that used up the request's own time.
constexpr std::chrono::seconds to_look_again{5};

/// Work that goes on behind a request, and whoever waits for it. Belongs to its reactor.
class errand {
public:
    explicit errand(executor ex) : bell_(ex) {}

    void finish(result<lifecycle::operation> end) {
        end_ = std::move(end);
        bell_.cancel();
    }

    /// nullptr when it is not at its end by then, or could not be brought there from here.
    awaitable<const lifecycle::operation*> wait(std::chrono::seconds longest) {
        bell_.expires_after(longest);
        if (!end_) co_await bell_.async_wait(use_tuple);
        co_return end_&&* end_ && (*end_)->finished() ? &**end_ : nullptr;
    }

private:
    steady_timer bell_;
    std::optional<result<lifecycle::operation>> end_;
};

awaitable<void> run(std::shared_ptr<errand> mine, lifecycle::office& where, lifecycle::operation begun,
                    std::string request_id) {
    auto work = [begun, request_id](lifecycle::site& at) {
        const assignment for_request(at, request_id);
        return lifecycle::continue_work(at, begun);
    };
    auto end = co_await where.run(std::move(work));
    if (!end)
        log::warn("work on a tenant is left to the worker", {{"operation", begun.id.to_string()},
                                                             {"tenant", begun.slug},
                                                             {"request_id", request_id},
                                                             {"error", describe(end.error().code).name}});
    mine->finish(std::move(end));
}

awaitable<std::shared_ptr<errand>> set_out(const auth::platform_context& by, lifecycle::office& where,
                                           lifecycle::operation begun) {
    const auto ex = co_await net::this_coro::executor;
    auto made = std::make_shared<errand>(ex);
    auto running = run(made, where, std::move(begun), std::string(by.request().request_id()));
    net::co_spawn(ex, std::move(running), or_die);
    co_return made;
}

std::string place_of(const job& one) { return "/api/platform/jobs/" + one.id.to_string(); }

awaitable<result<http::accepted<job>>> tell(const auth::platform_context& by, uuid work) {
    auto known = co_await repository(by, runtime::deadline::in(to_look_again)).find_job(work);
    if (!known) co_return std::unexpected(std::move(known.error()));
    auto location = place_of(*known);
    co_return http::accepted<job>{std::move(*known), std::move(location)};
}

/// Why work was given up and taken back, as its record has it.
error reason(const lifecycle::operation& failed) {
    error out{.code = errc::internal, .detail = failed.error};
    const auto* const name = failed.progress.if_contains("error_code");
    if (!name || !name->is_string()) return out;
    for (const auto& row : all_error_descriptions())
        if (row.name == std::string_view(name->as_string())) out.code = row.code;
    return out;
}

}  // namespace

assignment::assignment(lifecycle::site& at, std::string request_id, std::chrono::milliseconds statement_limit)
    : at_(at),
      limit_before_(at.control().set_time_limit(std::max(statement_limit, std::chrono::milliseconds{1}))) {
    at_.request_id = std::move(request_id);
}

assignment::assignment(lifecycle::site& at, std::string request_id) : at_(at) {
    at_.request_id = std::move(request_id);
}

assignment::~assignment() {
    at_.request_id.clear();
    if (limit_before_) at_.control().set_time_limit(*limit_before_);
}

std::unexpected<error> came_too_late() {
    return std::unexpected(error{.code = errc::unavailable,
                                 .detail = "too much work on tenants is under way",
                                 .retry_after = std::chrono::seconds{1}});
}

awaitable<result<http::accepted<job>>> leave_to(const auth::platform_context& by, lifecycle::office& where,
                                                lifecycle::operation begun) {
    const auto id = begun.id;
    co_await set_out(by, where, std::move(begun));
    co_return co_await tell(by, id);
}

awaitable<result<tenant_or_job>> make(const auth::platform_context& by, lifecycle::office& where,
                                      lifecycle::operation begun, http::wait_preference asked) {
    const auto id = begun.id;
    const auto under_way = co_await set_out(by, where, std::move(begun));
    const auto* end = co_await under_way->wait(asked.granted.value_or(std::chrono::seconds{0}));
    if (!end) {
        auto told = co_await tell(by, id);
        if (!told) co_return std::unexpected(std::move(told.error()));
        co_return tenant_or_job{std::move(*told), asked};
    }
    if (end->state == lifecycle::operation_state::failed) co_return std::unexpected(reason(*end));
    auto made = co_await repository(by, runtime::deadline::in(to_look_again)).find(end->tenant);
    if (!made) co_return std::unexpected(std::move(made.error()));
    auto location = "/api/platform/tenants/" + made->slug;
    auto etag = etag_of(*made);
    http::created<tenant> answer{std::move(*made), std::move(location), std::move(etag)};
    co_return tenant_or_job{std::move(answer), asked};
}

}  // namespace bulkhead::platform
