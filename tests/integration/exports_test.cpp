// SPDX-License-Identifier: Apache-2.0
// Exports from their job to their file: against a real database and a real folder, run as a worker runs them,
// with nobody around who would dispatch.
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>

#include "base/testing/certificates.hpp"
#include "features/exports/export_retention.hpp"
#include "features/exports/export_tasks.hpp"
#include "features/tasks/all_tasks.hpp"
#include "jobs_fixture.hpp"
#include "queue/job_run.hpp"
#include "registry_fixture.hpp"
#include "runtime/blocking_pool.hpp"
#include "storage/file_store.hpp"

using namespace bulkhead;
using namespace bulkhead::testing;
using exports::file_format;
namespace fs = std::filesystem;

namespace {

/// Calls back before each page.
class watched_lines final : public exports::lines {
public:
    watched_lines(std::unique_ptr<exports::lines> of, std::function<void(int)> before)
        : of_(std::move(of)), before_(std::move(before)) {}
    awaitable<result<std::int64_t>> count(postgres::transaction& within) override {
        return of_->count(within);
    }
    void append_head(std::string& out) const override { of_->append_head(out); }
    awaitable<result<int>> append_next(postgres::transaction& within, int most, std::string& out) override {
        if (before_) before_(page_++);
        co_return co_await of_->append_next(within, most, out);
    }

private:
    const std::unique_ptr<exports::lines> of_;
    const std::function<void(int)> before_;
    int page_ = 0;
};

awaitable<queue::job_run::end> perform(std::shared_ptr<queue::job_run> run) {
    co_return co_await run->perform();
}

struct exports_house {
    registry_house control;
    std::string name = fresh_database_name();
    uuid user = uuid::generate();
    testing::temporary_folder folder;
    runtime::blocking_pool threads{"storage", 1, 16};
    storage::file_store files{storage::file_tree::open_root(folder.path()).value(), threads, control.counts};
    std::function<void(int)> before_page;
    std::shared_ptr<queue::job_run> current;
    exports::export_tasks maker;
    exports::export_retention sweeper{files, std::chrono::seconds(0)};
    queue::handlers known;
    queue::lease_book leases;
    std::optional<queue::run_metrics> counts;
    std::optional<queue::run_desk> desk;

    explicit exports_house(exports::export_settings settings = {})
        : maker(
              files, [this](const uuid& of, file_format format) { return open(of, format); }, settings) {
        make_tenant_schema(name);
        execute(fmt::format("grant all on all tables in schema public to {}", control.role));
        control.execute(fmt::format("update tenants_behind set database = '{}'", name));
        add_user(user);
        known.add(maker);
        known.add(sweeper);
        counts.emplace(control.counts, known);
        desk.emplace(
            queue::run_desk{.tenants = control.tenants, .known = known, .leases = leases, .counts = *counts});
    }
    ~exports_house() {
        control.house.stop();
        threads.stop();
    }

    std::unique_ptr<exports::lines> open(const uuid& of, file_format format) {
        return std::make_unique<watched_lines>(exports::lines_by<tasks::all_tasks>()(of, format),
                                               before_page);
    }
    std::string execute(const std::string& sql) const { return shared_servers().execute(name, sql); }
    void add_user(const uuid& id) const {
        execute(fmt::format(
            "insert into users (id, email, name, password_hash) values ('{0}', '{0}@x.y', 'x', 'x')",
            id.to_string()));
    }
    void add_tasks(int count) const {
        execute(fmt::format(
            "insert into tasks (id, user_id, title, description, created_at) select gen_random_uuid(), '{}', "
            "'=task ' || n, 'line' || chr(10) || 'say \"' || n || '\"', now() - n / 3 * interval '1 second' "
            "from generate_series(1, {}) n",
            user.to_string(), count));
    }
    uuid add_job(queue::new_job what) const {
        execute(
            fmt::format("insert into jobs (id, kind, lane, payload, user_id, most_attempts) values "
                        "('{}', '{}', 2, '{}', {}, {})",
                        what.id.to_string(), what.kind, what.payload,
                        what.user ? "'" + what.user->to_string() + "'" : "null", what.most_attempts));
        return what.id;
    }
    uuid ask(file_format format) const {
        auto job = queue::job_of<exports::export_tasks>({.format = format});
        job.user = user;
        return add_job(std::move(job));
    }
    /// One run; the state of the job after it.
    int run(const uuid& id, std::string kind = "export.tasks") {
        current = std::make_shared<queue::job_run>(
            *desk, queue::delivery{.tenant = control.id, .id = id, .from = {}, .kind = std::move(kind)});
        must_end(control.house.spawn(perform(current)));
        current.reset();
        return std::stoi(execute(fmt::format("select state from jobs where id = '{}'", id.to_string())));
    }
    int sweep() { return run(add_job(queue::job_of<exports::export_retention>({})), "export.retention"); }
    [[nodiscard]] std::vector<std::string> stored() const {
        std::vector<std::string> out;
        const auto of_tenant = fs::path(folder.path()) / control.id.to_string() / "exports";
        if (!fs::exists(of_tenant)) return out;
        for (const auto& each : fs::directory_iterator(of_tenant)) out.push_back(each.path());
        return out;
    }
    [[nodiscard]] std::string content(const uuid& id) const {
        const auto file = execute(fmt::format("select file from exports where id = '{}'", id.to_string()));
        std::ifstream in(fs::path(folder.path()) / control.id.to_string() / "exports" / file);
        REQUIRE(in);
        return {std::istreambuf_iterator<char>(in), {}};
    }
    [[nodiscard]] int count(const std::string& from) const {
        return std::stoi(execute("select count(*) from " + from));
    }
};

std::vector<std::string> lines_in(const std::string& text) {
    std::vector<std::string> out;
    std::size_t at = 0;
    for (std::size_t end = 0; (end = text.find('\n', at)) != text.npos; at = end + 1)
        out.push_back(text.substr(at, end - at));
    CHECK(at == text.size());
    return out;
}

}  // namespace

TEST_CASE("exports: a user's tasks become a file, newest first, each once", "[exports]") {
    exports_house house;
    house.add_tasks(1'234);
    house.execute(
        "insert into users (id, email, name, password_hash) values "
        "(gen_random_uuid(), 'b@x.y', 'x', 'x'); "
        "insert into tasks (id, user_id, title) select gen_random_uuid(), id, 'of another' from users "
        "where email = 'b@x.y'");
    const auto ndjson = house.ask(file_format::ndjson), csv = house.ask(file_format::csv);
    REQUIRE(house.run(ndjson) == 2);
    REQUIRE(house.run(csv) == 2);

    const auto objects = lines_in(house.content(ndjson));
    REQUIRE(objects.size() == 1'234);
    std::string order;
    for (const auto& line : objects) {
        const auto read = parse_json(line);
        REQUIRE(read);
        order += std::string(read->at("id").as_string()) + ",";
    }
    const auto expected =
        house.execute(fmt::format("select string_agg(id::text || ',', '' order by created_at desc, id desc) "
                                  "from tasks where user_id = '{}'",
                                  house.user.to_string()));
    CHECK(order == expected);

    const auto text = house.content(csv);
    CHECK(
        text.starts_with("id,title,description,completed,priority,due_at,version,created_at,updated_at\r\n"));
    CHECK(text.find("of another") == text.npos);
    CHECK(text.find("\"'=task 1234\",\"line\nsay \"\"1234\"\"\",false,medium,,1,") != text.npos);
    CHECK(lines_in(text).size() == 1 + 2 * 1'234);

    CHECK(house.execute(
              fmt::format("select row_count || ' ' || bytes || ' ' || (expires_at - finished_at) from "
                          "exports where id = '{}'",
                          csv.to_string())) == fmt::format("1234 {} 7 days", text.size()));
    CHECK(house.stored().size() == 2);
    // Done is done: another delivery changes nothing.
    CHECK(house.run(csv) == 2);
    CHECK(house.stored().size() == 2);
}

TEST_CASE("exports: no tasks make an empty file", "[exports]") {
    exports_house house;
    const auto ndjson = house.ask(file_format::ndjson), csv = house.ask(file_format::csv);
    REQUIRE(house.run(ndjson) == 2);
    REQUIRE(house.run(csv) == 2);
    CHECK(house.content(ndjson).empty());
    CHECK(lines_in(house.content(csv)).size() == 1);
}

TEST_CASE("exports: the file shows one moment, whatever happens meanwhile", "[exports]") {
    exports_house house;
    house.add_tasks(700);
    house.before_page = [&](int page) {
        if (page != 1) return;
        house.execute(
            "update tasks set created_at = now(), title = 'changed'; "
            "delete from tasks where id in (select id from tasks limit 100)");
        house.add_tasks(50);
    };
    const auto id = house.ask(file_format::ndjson);
    REQUIRE(house.run(id) == 2);
    const auto text = house.content(id);
    CHECK(lines_in(text).size() == 700);
    CHECK(text.find("changed") == text.npos);
}

TEST_CASE("exports: a run that is stopped leaves nothing to be seen, and the next one makes it",
          "[exports]") {
    exports_house house;
    house.add_tasks(700);
    house.before_page = [&](int page) {
        if (page == 1) house.current->lease().ask_to_stop(queue::stop_reason::shutdown);
    };
    const auto id = house.ask(file_format::csv);
    REQUIRE(house.run(id) == 0);
    CHECK(house.stored().empty());
    CHECK(house.count("exports") == 0);
    CHECK(house.count("export_files") == 1);  // noted: it might have been there
    house.before_page = nullptr;
    REQUIRE(house.run(id) == 2);
    CHECK(house.stored().size() == 1);

    house.before_page = [&](int) { house.current->lease().ask_to_stop(queue::stop_reason::cancelled); };
    const auto unwanted = house.ask(file_format::csv);
    REQUIRE(house.run(unwanted) == 4);
    CHECK(house.stored().size() == 1);

    // What the two left behind is found.
    CHECK(house.count("export_files") == 3);
    REQUIRE(house.sweep() == 2);
    CHECK(house.count("export_files") == 1);
    CHECK(house.stored().size() == 1);
    CHECK(lines_in(house.content(id)).size() == 1 + 2 * 700);
}

TEST_CASE("exports: whose user is gone is given up", "[exports]") {
    exports_house house;
    house.add_tasks(10);
    const auto earlier = house.ask(file_format::csv), id = house.ask(file_format::csv);
    REQUIRE(house.run(earlier) == 2);
    house.before_page = [&](int) { house.execute("delete from users"); };
    REQUIRE(house.run(id) == 3);
    CHECK(house.count("exports") == 0);
    CHECK(house.stored().size() == 1);  // the earlier one's
    REQUIRE(house.sweep() == 2);
    CHECK(house.stored().empty());
    CHECK(house.count("export_files") == 0);
}

TEST_CASE("exports: what has expired goes, with its file, and nothing else does", "[exports]") {
    exports_house house({.kept = std::chrono::hours(1), .most_kept = 2});
    house.add_tasks(3);
    std::vector<uuid> made;
    for (int i = 0; i < 4; ++i) {
        made.push_back(house.ask(file_format::csv));
        REQUIRE(house.run(made.back()) == 2);
    }
    // Only the latest two of a user are kept.
    CHECK(house.count("exports where expires_at <= now()") == 2);
    house.execute(fmt::format("update exports set expires_at = now() where id = '{}'", made[2].to_string()));
    REQUIRE(house.sweep() == 2);
    CHECK(house.execute("select string_agg(id::text, ' ') from exports") == made[3].to_string());
    CHECK(house.stored().size() == 1);
    CHECK(lines_in(house.content(made[3])).size() == 1 + 2 * 3);
    REQUIRE(house.sweep() == 2);
    CHECK(house.stored().size() == 1);
}

TEST_CASE("exports: without its storage a job waits for better times", "[exports]") {
    exports_house house;
    house.add_tasks(3);
    const auto id = house.ask(file_format::csv);
    fs::remove_all(fs::path(house.folder.path()) / ".staging");
    REQUIRE(house.run(id) == 1);  // not its failure: it comes again, and the attempt does not count
    CHECK(house.count("jobs where errors = '[]'") == 1);
    CHECK(house.count("exports") == 0);
}
