// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/operation.hpp"

#include <fmt/format.h>

#include <boost/json/serialize.hpp>

#include <algorithm>
#include <array>

namespace bulkhead::lifecycle {
namespace {

constexpr std::array<std::string_view, 7> kinds{"create", "clone",    "import", "move",
                                                "delete", "undelete", "purge"};
constexpr std::array<std::string_view, 5> states{"pending", "running", "undoing", "succeeded", "failed"};

/// A value that PostgreSQL's checks allow is always one of these.
template <class Enum, std::size_t N>
Enum from_name(const std::array<std::string_view, N>& names, std::string_view name) {
    return static_cast<Enum>(std::ranges::find(names, name) - names.begin());
}

json::object object_of(std::string_view text) {
    auto read = parse_json(text);
    return read && read->is_object() ? std::move(read->as_object()) : json::object{};
}

/// The columns that read_all wants.
std::string columns() {
    using postgres::rfc3339;
    return fmt::format(
        "id, kind, tenant_id, slug, state, step, attempt, input::text, progress::text, "
        "coalesce(error, ''), actor, {}, {}, coalesce({}, '')",
        rfc3339("created_at"), rfc3339("updated_at"), rfc3339("finished_at"));
}

result<std::vector<operation>> read_all(const result<postgres::rows>& found) {
    if (!found) return std::unexpected(found.error());
    std::vector<operation> out;
    for (std::size_t row = 0; row < found->size(); ++row) {
        const auto text = [&](std::size_t column) { return std::string(found->text(row, column)); };
        const auto id = uuid::parse(found->text(row, 0)), tenant = uuid::parse(found->text(row, 2));
        if (!id || !tenant) return fail(errc::internal);
        out.push_back({.id = *id,
                       .kind = from_name<operation_kind>(kinds, found->text(row, 1)),
                       .tenant = *tenant,
                       .slug = text(3),
                       .state = from_name<operation_state>(states, found->text(row, 4)),
                       .step = text(5),
                       .attempt = static_cast<int>(found->integer(row, 6)),
                       .input = object_of(found->text(row, 7)),
                       .progress = object_of(found->text(row, 8)),
                       .error = text(9),
                       .actor = text(10),
                       .created_at = text(11),
                       .updated_at = text(12),
                       .finished_at = text(13)});
    }
    return out;
}

result<std::vector<operation>> query(const site& at, std::string_view where,
                                     std::initializer_list<postgres::parameter> parameters) {
    return read_all(
        run(at.control(), fmt::format("select {} from operations {}", columns(), where), parameters));
}

result<std::optional<operation>> at_most_one(result<std::vector<operation>> found) {
    if (!found) return std::unexpected(std::move(found.error()));
    if (found->empty()) return std::nullopt;
    return std::move(found->front());
}

}  // namespace

std::string_view kind_name(operation_kind kind) noexcept { return kinds[static_cast<std::size_t>(kind)]; }
std::string_view state_name(operation_state state) noexcept {
    return states[static_cast<std::size_t>(state)];
}

result<std::optional<operation>> find_operation(const site& at, const uuid& id) {
    return at_most_one(query(at, "where id = $1", {id}));
}

result<std::optional<operation>> current_operation(const site& at, const uuid& tenant) {
    return at_most_one(query(at, "where tenant_id = $1 and finished_at is null", {tenant}));
}

result<std::vector<operation>> quiet_operations(const site& at, std::chrono::milliseconds quiet) {
    return query(at,
                 "where finished_at is null and updated_at < now() - $1::bigint * power(2, "
                 "greatest(least(attempt, 10) - 1, 0)) * "
                 "interval '1 ms' order by created_at limit 100",
                 {static_cast<std::int64_t>(quiet.count())});
}

result<operation> begin_operation(const site& at, operation_kind kind, const uuid& tenant,
                                  std::string_view slug, json::object input, json::object progress,
                                  std::string_view step) {
    operation made{.id = uuid::generate(),
                   .kind = kind,
                   .tenant = tenant,
                   .slug = std::string(slug),
                   .step = std::string(step),
                   .input = std::move(input),
                   .progress = std::move(progress),
                   .actor = at.settings().actor};
    const auto inserted =
        run(at.control(),
            "insert into operations (id, kind, tenant_id, slug, step, input, progress, actor) "
            "values ($1, $2, $3, $4, $5, $6::jsonb, $7::jsonb, $8) on conflict do nothing",
            {made.id, kind_name(kind), tenant, slug, step, json::serialize(made.input),
             json::serialize(made.progress), made.actor});
    if (!inserted) return std::unexpected(inserted.error());
    if (inserted->affected() == 0) return fail(errc::conflict, "other work on this tenant is not finished");
    return made;
}

result<operation> begin_attempt(const site& at, const uuid& id) {
    auto begun = at_most_one(
        read_all(run(at.control(),
                     fmt::format("update operations set attempt = attempt + 1, updated_at = now(), "
                                 "state = case state when 'pending' then 'running' else state end "
                                 "where id = $1 and finished_at is null returning {}",
                                 columns()),
                     {id})));
    if (begun && !*begun) begun = find_operation(at, id);
    if (!begun) return std::unexpected(std::move(begun.error()));
    if (!*begun) return fail(errc::not_found);
    return **std::move(begun);
}

result<void> save_operation(const site& at, operation& changed) {
    const auto saved =
        run(at.control(),
            "update operations set state = $2, step = $3, attempt = $4::integer, "
            "progress = $5::jsonb, error = nullif($6, ''), updated_at = now(), "
            "input = case when $2 in ('succeeded', 'failed') then input - 'owner' #- '{to,password}' #- "
            "'{to,owner_password}' else input end, "
            "finished_at = case when $2 in ('succeeded', 'failed') then now() end where id = $1",
            {changed.id, state_name(changed.state), changed.step, changed.attempt,
             json::serialize(changed.progress), changed.error});
    if (!saved) return std::unexpected(saved.error());
    return {};
}

}  // namespace bulkhead::lifecycle
