// SPDX-License-Identifier: Apache-2.0
#include "jobs_cli.hpp"

#include <fmt/format.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_future.hpp>
#include <exception>
#include <future>
#include <optional>

#include "arguments.hpp"
#include "base/fail_point.hpp"
#include "config/load.hpp"
#include "job_kinds.hpp"
#include "jobs_output.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "queue/job_desk.hpp"
#include "runtime/reactor.hpp"
#include "runtime/signals.hpp"
#include "service/command_line.hpp"
#include "service/from_settings.hpp"

namespace bulkhead::worker {
namespace {

constexpr int exit_partly = 3;
constexpr int exit_findings = 4;
/// How long Redis is waited for at start.
constexpr std::chrono::seconds patience_with_redis{3};
/// Failed jobs that one call of retry or discard takes on.
constexpr unsigned most_at_once = 1'000;

int complain(int status, std::string_view message) {
    jobs_output::message(fmt::format("bulkhead-worker: {}", message));
    return status;
}

std::string sentence(const error& why) {
    std::string out = why.detail.empty() ? std::string(describe(why.code).title) : why.detail;
    for (const auto& field : why.fields) out += fmt::format(" {}: {}", field.pointer, field.detail);
    return out;
}

class desk_work {
public:
    desk_work(const arguments& args, const config::settings& s, queue::dispatch& to,
              redis::redis_client& redis, tenancy::registry& tenants)
        : args_(args),
          redis_(redis),
          to_(to),
          desk_(tenants, to, redis),
          kinds_(known_kinds(s)),
          out_(args.json) {}

    awaitable<int> run() {
        const bool up = co_await wait_for_redis();
        if (args_.run == command::stats || args_.run == command::fsck) {
            if (!up) co_return complain(service::exit_failed, "Redis cannot be reached");
            if (args_.run == command::stats) co_return co_await stats();
            co_return co_await fsck();
        }
        if (args_.run == command::enqueue)
            if (const auto wrong = make_job()) co_return complain(service::exit_usage, *wrong);
        auto found = co_await desk_.find_tenant(args_.tenant);
        if (!found) co_return complain(service::exit_failed, args_.tenant + ": " + sentence(found.error()));
        tenant_ = *std::move(found);
        if (!up) jobs_output::message("Redis is away");
        switch (args_.run) {
            case command::list: co_return co_await list();
            case command::show: co_return co_await show();
            case command::explain: co_return co_await explain();
            case command::enqueue: co_return co_await enqueue();
            default: co_return co_await change();
        }
    }

private:
    using change_function = awaitable<result<bool>> (queue::job_desk::*)(queue::job_desk::tenant_ptr, uuid);

    awaitable<bool> wait_for_redis() {
        steady_timer timer(co_await net::this_coro::executor);
        const auto end = steady_clock::now() + patience_with_redis;
        while (!redis_.connected() && steady_clock::now() < end) {
            timer.expires_after(std::chrono::milliseconds(10));
            co_await timer.async_wait(use_tuple);
        }
        co_return redis_.connected();
    }

    awaitable<int> stats() {
        out_.heading(fmt::format("{:<9} {:>9} {:>9} {:>9} {:>9} {:>9}  {}", "lane", "waiting", "delayed",
                                 "running", "dead", "tenants", "oldest"));
        for (std::size_t i = 0; i < queue::lanes; ++i) {
            const auto which = static_cast<queue::lane>(i);
            queue::dispatch::numbers sum;
            for (unsigned shard = 0; shard < to_.shards(); ++shard) {
                const queue::place where{which, shard};
                const auto some = co_await to_.count(where);
                if (!some) co_return complain(service::exit_failed, sentence(some.error()));
                sum.waiting += some->waiting;
                sum.delayed += some->delayed;
                sum.running += some->running;
                sum.dead += some->dead;
                sum.tenants += some->tenants;
                sum.parked += some->parked;
                sum.oldest = std::max(sum.oldest, some->oldest);
            }
            out_.lane_line(which, sum);
        }
        out_.summary({});
        co_return service::exit_ok;
    }

    awaitable<int> fsck() {
        std::size_t found = 0;
        for (std::size_t i = 0; i < queue::lanes; ++i)
            for (unsigned shard = 0; shard < to_.shards(); ++shard) {
                const queue::place where{static_cast<queue::lane>(i), shard};
                const auto findings = co_await to_.check(where, args_.repair);
                if (!findings) co_return complain(service::exit_failed, sentence(findings.error()));
                for (const auto& each : *findings) {
                    ++found;
                    const auto text = fmt::format("{}.{}: {}", queue::lane_name(where.lane), shard, each);
                    json::object object;
                    object["finding"] = text;
                    out_.data(object, text);
                }
            }
        json::object last;
        last["findings"] = found;
        last["repaired"] = args_.repair;
        out_.summary(std::move(last));
        if (found == 0) jobs_output::message("nothing found");
        co_return found == 0 || args_.repair ? service::exit_ok : exit_findings;
    }

    awaitable<int> list() {
        queue::job_filter which{.state = args_.state, .kind = args_.kind, .most = args_.limit};
        const auto rows = co_await desk_.list(tenant_, std::move(which));
        if (!rows) co_return complain(service::exit_failed, sentence(rows.error()));
        for (const auto& each : *rows) out_.line_of(each);
        json::object last;
        last["jobs"] = rows->size();
        out_.summary(std::move(last));
        co_return service::exit_ok;
    }

    awaitable<int> show() {
        const auto row = co_await desk_.show(tenant_, args_.ids.front());
        if (!row) co_return complain(service::exit_failed, sentence(row.error()));
        out_.all_of(*row);
        out_.summary({});
        co_return service::exit_ok;
    }

    awaitable<int> explain() {
        const auto row = co_await desk_.show(tenant_, args_.ids.front());
        if (!row) co_return complain(service::exit_failed, sentence(row.error()));
        const auto why = co_await to_.explain(tenant_->id, row->of, row->id);
        if (!why) co_return complain(service::exit_failed, sentence(why.error()));
        out_.explanation(*row, *why);
        out_.summary({});
        co_return service::exit_ok;
    }

    /// What is wrong with it.
    std::optional<std::string> make_job() {
        const auto* const known = kinds_.find(args_.kind);
        if (!known) {
            std::string names;
            for (const auto& [name, one] : kinds_) names += (names.empty() ? "" : ", ") + name;
            return fmt::format("there is no kind \"{}\"; known are {}", args_.kind, names);
        }
        const auto& rules = known->rules;
        if (const auto checked = known->check(args_.payload); !checked)
            return "--payload: " + sentence(checked.error());
        const auto longest =
            rules.kept == queue::durability::redis ? queue::longest_redis_payload : queue::longest_payload;
        if (args_.payload.size() > longest) return fmt::format("--payload: at most {} bytes", longest);
        if (args_.unique_key.size() > queue::longest_unique_key)
            return fmt::format("--unique: at most {} bytes", queue::longest_unique_key);
        job_.kind = rules.name;
        job_.lane = rules.lane;
        job_.kept = rules.kept;
        job_.version = rules.version;
        job_.most_attempts = rules.retry.attempts;
        job_.payload = args_.payload;
        job_.run_at = args_.run_at;
        job_.unique_key = args_.unique_key;
        if (args_.priority) job_.priority = *args_.priority;
        return std::nullopt;
    }

    awaitable<int> enqueue() {
        const auto id = job_.id.to_string();
        const auto done = co_await desk_.enqueue(tenant_, job_);
        if (!done) co_return complain(service::exit_failed, sentence(done.error()));
        if (!done->made)
            co_return complain(service::exit_failed, "an open job has this --unique key: nothing was made");
        if (!done->told) jobs_output::message("Redis has not taken it: it will be found in the database");
        json::object object;
        object["id"] = id;
        out_.data(object, id);
        out_.summary({});
        co_return service::exit_ok;
    }

    /// retry, cancel, discard.
    awaitable<int> change() {
        auto ids = args_.ids;
        bool more = false;
        if (args_.failed) {
            queue::job_filter which{.state = "failed", .kind = args_.kind, .most = most_at_once + 1};
            const auto rows = co_await desk_.list(tenant_, std::move(which));
            if (!rows) co_return complain(service::exit_failed, sentence(rows.error()));
            for (const auto& each : *rows) ids.push_back(each.id);
            more = ids.size() > most_at_once;
            if (more) ids.resize(most_at_once);
        }
        const change_function what = args_.run == command::retry    ? &queue::job_desk::retry
                                     : args_.run == command::cancel ? &queue::job_desk::cancel
                                                                    : &queue::job_desk::discard;
        std::size_t done = 0;
        for (const auto& id : ids) {
            const auto changed = co_await (desk_.*what)(tenant_, id);
            const bool good = changed && *changed;
            if (good) ++done;
            const std::string reason =
                changed ? "there is no such job, or not in a state for that" : sentence(changed.error());
            if (!good) jobs_output::message(fmt::format("{}: {}", id.to_string(), reason));
            json::object object;
            object["id"] = id.to_string();
            object["done"] = good;
            out_.data(object, good ? id.to_string() : "");
        }
        json::object last;
        last["done"] = done;
        last["failed"] = ids.size() - done;
        if (more) {
            last["more"] = true;
            jobs_output::message(fmt::format("{} at a time: more have failed, ask again", most_at_once));
        }
        out_.summary(std::move(last));
        if (done == ids.size()) co_return service::exit_ok;
        co_return done > 0 ? exit_partly : service::exit_failed;
    }

    const arguments& args_;
    redis::redis_client& redis_;
    queue::dispatch& to_;
    queue::job_desk desk_;
    const queue::handlers kinds_;
    jobs_output out_;
    queue::job_desk::tenant_ptr tenant_;
    queue::new_job job_;
};

int work(const arguments& args, const config::settings& s) {
    const auto control = service::control_target(s);
    const auto box = service::data_box(s);
    postgres::pool_settings pool_options;
    pool_options.budget = 2;
    pool_options.per_database = 1;
    pool_options.pooler = service::database_pooler(s, control);
    pool_options.session = service::session_options(s, "bulkhead-worker jobs");
    metrics::registry metrics;
    runtime::reactor home("jobs");
    const auto ex = home.get_executor();
    postgres::pool_set pools(ex, pool_options);
    redis::redis_client redis(ex, service::redis_target(s));
    tenancy::registry tenants(pools, control, box, tenancy::registry_metrics(metrics));
    queue::dispatch to(redis, s.queue_shards);
    desk_work desk(args, s, to, redis, tenants);
    home.start();
    home.post([&] {
        pools.start();
        redis.start();
    });
    auto done = net::co_spawn(ex, desk.run(), net::use_future);
    done.wait();
    std::promise<void> closed;
    home.post([&] {
        redis.stop();
        pools.stop();
        closed.set_value();
    });
    closed.get_future().wait();
    home.stop();
    home.join();
    return done.get();
}

}  // namespace

int run_command(std::span<const std::string_view> words) {
    const auto args = parse_arguments(words);
    if (!args) return complain(service::exit_usage, args.error());
    if (args->run == command::help) return fmt::print("{}", usage()), service::exit_ok;
    const auto loaded = config::load(config::program::worker, config::current_environment());
    if (!loaded) {
        for (const auto& problem : loaded.error()) jobs_output::message(problem);
        return service::exit_config;
    }
    arm_fail_point(loaded->values.fail_point);
    runtime::ignore_sigpipe();
    try {
        return work(*args, loaded->values);
    } catch (const std::exception& bug) {
        return complain(service::exit_failed, bug.what());
    }
}

}  // namespace bulkhead::worker
