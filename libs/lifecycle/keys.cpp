// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/keys.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "observability/log.hpp"

namespace bulkhead::lifecycle {
namespace {

/// Where secrets are kept. `values` gives, under these names: key (of the row), context (of the seal), value.
/// `replace` sets the value of the row $1 to $2, if it still is $3.
struct place {
    std::string_view name;
    std::string_view values;
    std::string_view replace;
};

// In the order in which values wander, from a spare database or an operation into a tenant.
constexpr std::array places{
    place{"servers.admin_password",
          "select name as key, 'server/' || name as context, admin_password_sealed as value from servers",
          "update servers set admin_password_sealed = $2 where name = $1 and admin_password_sealed = $3"},
    place{"operations.owner_password_hash",
          "select id::text as key, tenant_id || '/owner-account' as context, "
          "input #>> '{owner,password_hash}' as value from operations where finished_at is null",
          "update operations set input = jsonb_set(input, '{owner,password_hash}', to_jsonb($2::text)) "
          "where id = $1::uuid and input #>> '{owner,password_hash}' = $3"},
    place{"operations.role_password",
          "select id::text as key, tenant_id::text as context, input #>> '{to,password}' as value "
          "from operations where finished_at is null",
          "update operations set input = jsonb_set(input, '{to,password}', to_jsonb($2::text)) "
          "where id = $1::uuid and input #>> '{to,password}' = $3"},
    place{
        "operations.owner_password",
        "select id::text as key, tenant_id || '/owner' as context, input #>> '{to,owner_password}' as value "
        "from operations where finished_at is null",
        "update operations set input = jsonb_set(input, '{to,owner_password}', to_jsonb($2::text)) "
        "where id = $1::uuid and input #>> '{to,owner_password}' = $3"},
    place{"spare_databases.role_password",
          "select id::text as key, id::text as context, role_password_sealed as value from spare_databases",
          "update spare_databases set role_password_sealed = $2 where id = $1::uuid and role_password_sealed "
          "= $3"},
    place{"spare_databases.owner_password",
          "select id::text as key, id || '/owner' as context, owner_password_sealed as value "
          "from spare_databases",
          "update spare_databases set owner_password_sealed = $2 "
          "where id = $1::uuid and owner_password_sealed = $3"},
    place{"tenants.role_password",
          "select id::text as key, id::text as context, role_password_sealed as value from tenants",
          "update tenants set role_password_sealed = $2 where id = $1::uuid and role_password_sealed = $3"},
    place{"tenants.owner_password",
          "select id::text as key, id || '/owner' as context, owner_password_sealed as value from tenants",
          "update tenants set owner_password_sealed = $2 where id = $1::uuid and owner_password_sealed = $3"},
};

key_use use_of(const site& at, std::string_view key, std::string_view example) {
    if (at.box().current(example)) return key_use::current;
    const auto ids = at.box().key_ids();
    return key == "plain" || (ids.size() > 1 && key == ids[1]) ? key_use::previous : key_use::unknown;
}

constexpr std::size_t batch_size = 200;

/// The next values of a place, by the key of the row, that do not begin with `skipped`.
result<postgres::rows> next_values(const site& at, const place& of, std::string_view after,
                                   std::string_view skipped) {
    return run(at.control(),
               fmt::format("select key, context, value from ({}) x where value <> '' and key > $1 and "
                           "($2 = '' or not starts_with(value, $2)) order by key limit {}",
                           of.values, batch_size),
               {after, skipped});
}

/// What stands in front of every value that is sealed now.
std::string current_prefix(const site& at) {
    const auto example = at.box().seal("", "");
    return example.substr(0, example.rfind(':') + 1);
}

/// One pass over one place, in batches.
class pass {
public:
    pass(const site& at, const place& over) : at_(at), over_(over), skipped_(current_prefix(at)) {}

    std::size_t sealed = 0;
    std::size_t unopened = 0;

    /// False: nothing is left.
    result<bool> next_batch() {
        const auto found = next_values(at_, over_, last_, skipped_);
        if (!found) return std::unexpected(found.error());
        for (std::size_t row = 0; row < found->size(); ++row)
            if (auto done = reseal(found->text(row, 0), found->text(row, 1), found->text(row, 2)); !done)
                return std::unexpected(std::move(done.error()));
        return !found->empty();
    }

private:
    result<void> reseal(std::string_view key, std::string_view context, std::string_view value) {
        last_ = key;
        const auto plain = at_.box().open(value, context);
        if (!plain) {
            ++unopened;
            log::error("a secret cannot be opened", {{"place", over_.name}, {"row", key}});
            return {};
        }
        const auto done =
            run(at_.control(), over_.replace, {key, at_.box().seal(plain->reveal(), context), value});
        if (!done) return std::unexpected(done.error());
        sealed += done->affected();
        return {};
    }

    const site& at_;
    const place& over_;
    const std::string skipped_;
    std::string last_;
};

/// Whether something is left that can be opened and is not sealed with the current key.
result<bool> anything_left(const site& at) {
    const auto all = list_sealed_values(at);
    if (!all) return std::unexpected(all.error());
    return std::ranges::any_of(*all, [](const sealed_values& one) { return one.use == key_use::previous; });
}

}  // namespace

std::string_view use_name(key_use use) noexcept {
    switch (use) {
        case key_use::current: return "current";
        case key_use::previous: return "previous";
        default: return "unknown";
    }
}

result<std::vector<sealed_values>> list_sealed_values(const site& at) {
    std::vector<sealed_values> out;
    for (const auto& one : places) {
        // Values of one key have the same beginning; the shortest of them stands for all.
        const auto found =
            run(at.control(), fmt::format("select min(value), count(*) from ({}) x where value <> '' "
                                          "group by split_part(value, ':', 1), case when "
                                          "starts_with(value, 'g1:') then split_part(value, ':', 2) "
                                          "end order by 1",
                                          one.values));
        if (!found) return std::unexpected(found.error());
        for (std::size_t row = 0; row < found->size(); ++row) {
            const auto key = sealed_box::key_id_of(found->text(row, 0));
            out.push_back({.place = std::string(one.name),
                           .key = std::string(key),
                           .use = use_of(at, key, found->text(row, 0)),
                           .count = found->integer(row, 1)});
        }
    }
    return out;
}

result<resealing> reseal(const site& at, const std::function<void(std::size_t)>& on_batch,
                         const std::function<bool()>& stop) {
    if (at.box().key_ids().empty()) return fail(errc::conflict, "DATA_KEY is not set");
    constexpr int passes = 3;  // for what was changed, or made with the old key, while we were at it
    resealing out;
    for (int i = 0; i < passes && !out.complete; ++i) {
        out.unopened = 0;
        for (const auto& one : places) {
            pass over(at, one);
            for (bool more = true; more;) {
                if (stop && stop()) {
                    out.sealed += over.sealed;
                    return out;
                }
                auto next = over.next_batch();
                if (!next) return std::unexpected(std::move(next.error()));
                more = *next;
                if (more && on_batch) on_batch(out.sealed + over.sealed);
            }
            out.sealed += over.sealed;
            out.unopened += over.unopened;
        }
        const auto left = anything_left(at);
        if (!left) return std::unexpected(left.error());
        out.complete = !*left;
    }
    return out;
}

result<std::vector<std::string>> unopened_values(const site& at, std::size_t most) {
    std::vector<std::string> out;
    for (const auto& one : places) {
        std::string last;
        for (bool more = true; more;) {
            const auto found = next_values(at, one, last, "");
            if (!found) return std::unexpected(found.error());
            for (std::size_t row = 0; row < found->size(); ++row) {
                last = found->text(row, 0);
                if (at.box().open(found->text(row, 2), found->text(row, 1))) continue;
                out.push_back(fmt::format("{} {}", one.name, last));
                if (out.size() == most) return out;
            }
            more = found->size() == batch_size;
        }
    }
    return out;
}

}  // namespace bulkhead::lifecycle
