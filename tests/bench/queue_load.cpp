// SPDX-License-Identifier: Apache-2.0
// Enqueues jobs for the benchmarks of the queue, as the API does: through libs/queue. Prints one line of
// JSON.
//     bulkhead-queue-load push kept=r n=100000 bulk=50 calls=4    as fast as it goes, `calls` calls at a time
//     bulkhead-queue-load offer kept=d n=1000 rate=50             one a call, so many a second
//     bulkhead-queue-load wait                                    until nothing waits or runs any more
// The jobs of a call are of one tenant, the next call's of the next one. More options: first= (number of the
// first job), warm=1 (a tenth more before the clock runs), hold= (ms that a job takes), due= (us since 1970),
// cap= (jobs of a tenant that may run at a time).
// Environment: REDIS_URL, CONNECTIONS, QUEUE_SHARDS, and BENCH_TENANTS: "id=database-url …".
#include <fmt/format.h>
#include <sys/resource.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <charconv>
#include <cstdlib>
#include <exception>
#include <map>
#include <stdexcept>

#include "base/time.hpp"
#include "config/redis_url.hpp"
#include "persistence/postgres/pool_set.hpp"
#include "queue/dispatch.hpp"
#include "queue/job_store.hpp"
#include "queue_jobs.hpp"

namespace bulkhead::bench {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t payload_bytes = 100;

struct options {
    std::string verb;
    std::map<std::string, std::string, std::less<>> words{{"kept", "r"}};
    std::map<std::string, std::int64_t, std::less<>> numbers{{"n", 20'000}, {"bulk", 50}, {"calls", 1},
                                                             {"rate", 50},  {"first", 0}, {"warm", 0},
                                                             {"hold", 0},   {"due", 0},   {"cap", 0}};

    options(int argc, char** argv) {
        if (argc < 2) throw std::runtime_error("push, offer or wait?");
        verb = argv[1];
        for (int i = 2; i < argc; ++i) {
            const std::string_view each = argv[i];
            const auto name = each.substr(0, each.find('='));
            const auto value = each.substr(std::min(each.size(), name.size() + 1));
            if (const auto word = words.find(name); word != words.end()) {
                word->second = value;
            } else if (const auto number = numbers.find(name); number != numbers.end()) {
                const auto read = std::from_chars(value.data(), value.data() + value.size(), number->second);
                if (read.ec != std::errc() || number->second < 0) throw std::runtime_error(std::string(each));
            } else {
                throw std::runtime_error("what is " + std::string(each) + "?");
            }
        }
    }
    [[nodiscard]] std::int64_t operator[](std::string_view name) const { return numbers.find(name)->second; }
    [[nodiscard]] bool in_database() const { return words.find("kept")->second == "d"; }
};

std::string environment(const char* name, const char* otherwise = nullptr) {
    const char* value = std::getenv(name);
    if (!value) value = otherwise;
    if (!value) throw std::runtime_error(std::string(name) + " is not set");
    return value;
}

redis::redis_endpoint redis_of(const std::string& url) {
    auto read = parse_redis_url(url);
    if (!read) throw std::runtime_error(read.error().detail);
    redis::redis_endpoint out;
    out.host = read->host;
    out.port = read->port;
    out.unix_path = read->unix_path;
    out.user = read->user;
    out.password = std::move(read->password);
    out.database = read->database;
    return out;
}

struct tenant_place {
    uuid id;
    std::shared_ptr<const postgres::conninfo> target;
};

std::vector<tenant_place> tenants_of(std::string_view list) {
    std::vector<tenant_place> out;
    while (!list.empty()) {
        const auto one = list.substr(0, list.find(' '));
        list.remove_prefix(std::min(list.size(), one.size() + 1));
        const auto id = uuid::parse(one.substr(0, one.find('=')));
        const auto target = postgres::parse_database_url(one.substr(one.find('=') + 1));
        if (!id || !target) throw std::runtime_error("BENCH_TENANTS");
        out.push_back({*id, std::make_shared<const postgres::conninfo>(*target)});
    }
    if (out.empty()) throw std::runtime_error("BENCH_TENANTS is empty");
    return out;
}

template <class T>
T must(result<T> got) {
    if (!got)
        throw std::runtime_error(fmt::format("{}: {}", describe(got.error().code).name, got.error().detail));
    if constexpr (!std::is_void_v<T>) return std::move(*got);
}

class load {
public:
    explicit load(options how)
        : how_(std::move(how)),
          tenants_(tenants_of(environment("BENCH_TENANTS"))),
          redis_(context_.get_executor(), redis_of(environment("REDIS_URL"))),
          pools_(context_.get_executor(), settings()),
          dispatch_(redis_, static_cast<unsigned>(std::stoul(environment("QUEUE_SHARDS", "4")))) {}

    int run() {
        redis_.start();
        pools_.start();
        std::exception_ptr problem;
        const auto ended = [&](std::exception_ptr thrown) {
            problem = thrown;
            redis_.stop();
            pools_.stop();
            context_.stop();
        };
        net::co_spawn(context_, act(), ended);
        context_.run();
        if (problem) std::rethrow_exception(problem);
        return 0;
    }

private:
    using clock = std::chrono::steady_clock;

    static postgres::pool_settings settings() {
        postgres::pool_settings out;
        out.session.application_name = "bulkhead-queue-load";
        out.budget = out.per_database = std::stoul(environment("CONNECTIONS", "20"));
        return out;
    }

    awaitable<> act() {
        for (const auto end = clock::now() + 10s; !redis_.connected();) {
            if (clock::now() > end) throw std::runtime_error("no connection to Redis");
            co_await pause(5ms);
        }
        if (how_.verb != "wait") co_await rules();
        if (how_.verb == "push")
            co_await push();
        else if (how_.verb == "offer")
            co_await offer();
        else if (how_.verb == "wait")
            co_await wait();
        else
            throw std::runtime_error("there is no verb " + how_.verb);
    }

    /// Jobs that are in Redis only may all wait there; of the others, as many as usual.
    awaitable<> rules() {
        queue::tenant_rules rules;
        rules.most_kept = 2'000'000;
        if (how_["cap"] > 0) rules.most_running = static_cast<unsigned>(how_["cap"]);
        for (const auto& each : tenants_)
            must(co_await dispatch_.set_rules(each.id, queue::lane::normal, rules));
    }

    awaitable<> push() {
        next_ = how_["first"];
        if (how_["warm"] > 0) co_await lines(next_ + std::max<std::int64_t>(1, how_["n"] / 10));
        const auto start = clock::now();
        co_await lines(next_ + how_["n"]);
        tell(how_["n"], clock::now() - start);
    }

    /// Enqueues up to `to`, so many calls at a time.
    awaitable<> lines(std::int64_t to) {
        steady_timer done(context_.get_executor(), steady_clock::time_point::max());
        std::int64_t under_way = how_["calls"];
        std::exception_ptr problem;
        const auto ended = [&](std::exception_ptr thrown) {
            if (thrown) problem = thrown;
            if (--under_way == 0) done.cancel();
        };
        for (auto i = under_way; i > 0; --i) net::co_spawn(context_, line(to), ended);
        while (under_way > 0) co_await done.async_wait(use_tuple);
        if (problem) std::rethrow_exception(problem);
    }

    awaitable<> line(std::int64_t to) {
        while (next_ < to) {
            const auto first = next_;
            next_ = std::min(to, next_ + how_["bulk"]);
            co_await call(first, next_ - first, how_["due"]);
        }
    }

    awaitable<> offer() {
        const auto start = clock::now();
        const auto zero = utc_now();
        const auto all = how_["n"];
        const std::chrono::duration<double, std::micro> each(1e6 / static_cast<double>(how_["rate"]));
        steady_timer done(context_.get_executor(), steady_clock::time_point::max());
        std::int64_t open = 0;
        std::exception_ptr problem;
        const auto ended = [&](std::exception_ptr thrown) {
            if (thrown) problem = thrown;
            --open;
            done.cancel();
        };
        for (std::int64_t n = 0; n < all && !problem; ++n) {
            const auto after = std::chrono::duration_cast<std::chrono::microseconds>(each * n);
            if (start + after > clock::now()) co_await pause_until(start + after);
            ++open;
            const auto due = (zero + after).time_since_epoch().count();
            net::co_spawn(context_, call(how_["first"] + n, 1, due), ended);
        }
        while (open > 0) co_await done.async_wait(use_tuple);
        if (problem) std::rethrow_exception(problem);
        tell(all, clock::now() - start);
    }

    /// `count` jobs of one tenant.
    awaitable<> call(std::int64_t first, std::int64_t count, std::int64_t at) {
        const auto turn = static_cast<std::size_t>(first / std::max<std::int64_t>(1, count));
        const auto& tenant = tenants_[turn % tenants_.size()];
        std::vector<queue::ticket> tickets;
        std::vector<postgres::query> rows;
        for (auto n = first; n < first + count; ++n) {
            auto job = how_.in_database() ? queue::job_of<kept_job>(payload(n, at))
                                          : queue::job_of<light_job>(payload(n, at));
            queue::ticket ticket{.tenant = tenant.id, .id = job.id, .kind = job.kind};
            if (how_["due"] > 0) {
                job.run_at = utc_time(std::chrono::microseconds(how_["due"]));
                ticket.delay =
                    std::max(0ms, std::chrono::ceil<std::chrono::milliseconds>(*job.run_at - utc_now()));
            }
            if (how_.in_database()) {
                rows.push_back(queue::job_store::insert(job));
            } else {
                ticket.payload = std::move(job.payload);
                ticket.most_attempts = job.most_attempts;
            }
            tickets.push_back(std::move(ticket));
        }
        if (!rows.empty()) {
            const postgres::database db(pools_.get(tenant.id.to_string(), tenant.target),
                                        runtime::deadline::in(30s));
            must(co_await db.write_all(std::move(rows)));
        }
        co_await dispatch(std::move(tickets));
    }

    /// Once more, if the answer was lost on the way: then they are known already.
    awaitable<> dispatch(std::vector<queue::ticket> tickets) {
        for (int attempt = 1;; ++attempt) {
            auto pushed = co_await dispatch_.push(tickets);
            if (!pushed) {
                if (attempt == 5) must(std::move(pushed));
                co_await pause(100ms);
                continue;
            }
            for (const auto each : *pushed) {
                if (each == queue::push_outcome::full && how_.in_database()) continue;  // the row waits
                if (each == queue::push_outcome::queued) continue;
                if (each == queue::push_outcome::known && attempt > 1) continue;
                throw std::runtime_error(fmt::format("a job was not queued: {}", static_cast<int>(each)));
            }
            co_return;
        }
    }

    bench_payload payload(std::int64_t n, std::int64_t at) const {
        bench_payload out;
        out.n = schema::integer<0, 1'000'000'000>(n);
        out.at = schema::integer<0, 9'000'000'000'000'000>(at);
        out.hold = schema::integer<0, 3'600'000>(how_["hold"]);
        out.text = schema::text<0, 100>(std::string(payload_bytes - schema::to_json(out).size(), 'x'));
        return out;
    }

    /// Nothing is left in Redis, nor in the tenants' databases; prints when that was.
    awaitable<> wait() {
        for (;;) {
            const bool done = co_await all_done();
            if (done) break;
            co_await pause(20ms);
        }
        fmt::print("{{\"at\":{}}}\n", utc_now().time_since_epoch().count());
    }

    awaitable<bool> all_done() {
        for (unsigned shard = 0; shard < dispatch_.shards(); ++shard) {
            const queue::place where{queue::lane::normal, shard};
            const auto counted = co_await dispatch_.count(where);
            if (!counted) co_return false;  // ask again
            if (counted->waiting + counted->delayed + counted->running > 0) co_return false;
        }
        if (!how_.in_database()) co_return true;
        for (const auto& each : tenants_) {
            const postgres::database db(pools_.get(each.id.to_string(), each.target),
                                        runtime::deadline::in(30s));
            const auto rows =
                must(co_await db.read("select exists (select from jobs where lane = 1 and state in (0, 1))"));
            if (rows[0].get<bool>(0)) co_return false;
        }
        co_return true;
    }

    awaitable<> pause(std::chrono::milliseconds time) { return pause_until(clock::now() + time); }
    awaitable<> pause_until(clock::time_point until) {
        steady_timer timer(context_.get_executor(), until);
        co_await timer.async_wait(use_tuple);
    }

    static void tell(std::int64_t jobs, clock::duration took) {
        rusage used{};
        getrusage(RUSAGE_SELF, &used);
        const double cpu = static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
                           static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) / 1e6;
        const double seconds = std::chrono::duration<double>(took).count();
        fmt::print("{{\"jobs\":{},\"seconds\":{},\"per_second\":{},\"cpu_seconds\":{}}}\n", jobs, seconds,
                   static_cast<double>(jobs) / seconds, cpu);
    }

    const options how_;
    const std::vector<tenant_place> tenants_;
    net::io_context context_{1};
    redis::redis_client redis_;
    postgres::pool_set pools_;
    queue::dispatch dispatch_;
    std::int64_t next_ = 0;
};

}  // namespace
}  // namespace bulkhead::bench

int main(int argc, char** argv) {
    try {
        return bulkhead::bench::load({argc, argv}).run();
    } catch (const std::exception& problem) {
        fmt::print(stderr, "bulkhead-queue-load: {}\n", problem.what());
        return 1;
    }
}
