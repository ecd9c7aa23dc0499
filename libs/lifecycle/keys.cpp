// SPDX-License-Identifier: Apache-2.0
#include "lifecycle/keys.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "lifecycle/sealed_places.hpp"
#include "observability/log.hpp"

namespace bulkhead::lifecycle {
namespace {

key_use use_of(const site& at, std::string_view key, std::string_view example) {
    if (at.box().current(example)) return key_use::current;
    const auto ids = at.box().key_ids();
    return key == "plain" || (ids.size() > 1 && key == ids[1]) ? key_use::previous : key_use::unknown;
}

constexpr std::size_t batch_size = 200;

/// The next values of a place, by the key of the row, that do not begin with `skipped`.
result<postgres::rows> next_values(postgres::session& in, const sealed_place& of, std::string_view after,
                                   std::string_view skipped) {
    return run(in,
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

/// One pass over all places, in batches.
class pass {
public:
    pass(site& at, std::function<void(std::size_t)> on_batch, const std::function<bool()>& stop)
        : at_(at), on_batch_(std::move(on_batch)), stop_(stop), skipped_(current_prefix(at)) {}

    std::size_t sealed = 0;
    std::size_t unopened = 0;

    result<std::vector<unvisited_tenant>> run_over_all() {
        return visit_sealed_places(
            at_, closed_databases::open,
            [this](postgres::session& in, const sealed_place& over) { return run_over(in, over); }, stop_);
    }

private:
    result<void> run_over(postgres::session& in, const sealed_place& over) {
        std::string last;
        while (!(stop_ && stop_())) {
            const auto found = next_values(in, over, last, skipped_);
            if (!found) return std::unexpected(found.error());
            if (found->empty()) return {};
            for (std::size_t row = 0; row < found->size(); ++row)
                if (auto done =
                        reseal(in, over, found->text(row, 0), found->text(row, 1), found->text(row, 2));
                    !done)
                    return done;
            last = found->text(found->size() - 1, 0);
            on_batch_(sealed);
        }
        return {};
    }

    result<void> reseal(postgres::session& in, const sealed_place& over, std::string_view key,
                        std::string_view context, std::string_view value) {
        const auto plain = at_.box().open(value, context);
        if (!plain) {
            ++unopened;
            log::error("a secret cannot be opened",
                       {{"place", over.name}, {"row", key}, {"tenant", over.tenant}});
            return {};
        }
        const auto done = run(in, over.replace, {key, at_.box().seal(plain->reveal(), context), value});
        if (!done) return std::unexpected(done.error());
        sealed += done->affected();
        return {};
    }

    site& at_;
    const std::function<void(std::size_t)> on_batch_;
    const std::function<bool()>& stop_;
    const std::string skipped_;
};

/// Values of one key have the same beginning; the shortest of them stands for all.
result<void> count_values(const site& at, postgres::session& in, const sealed_place& of,
                          std::vector<sealed_values>& into) {
    const auto found = run(in, fmt::format("select min(value), count(*) from ({}) x where value <> '' "
                                           "group by split_part(value, ':', 1), case when "
                                           "starts_with(value, 'g1:') then split_part(value, ':', 2) "
                                           "end order by 1",
                                           of.values));
    if (!found) return std::unexpected(found.error());
    for (std::size_t row = 0; row < found->size(); ++row) {
        const auto key = sealed_box::key_id_of(found->text(row, 0));
        const auto known = std::ranges::find_if(
            into, [&](const sealed_values& one) { return one.place == of.name && one.key == key; });
        if (known == into.end())
            into.push_back({.place = std::string(of.name),
                            .key = std::string(key),
                            .use = use_of(at, key, found->text(row, 0)),
                            .count = found->integer(row, 1)});
        else
            known->count += found->integer(row, 1);
    }
    return {};
}

/// Adds to `into` what no key opens, up to `most`.
result<void> find_unopened(const site& at, postgres::session& in, const sealed_place& of, std::size_t most,
                           std::vector<std::string>& into) {
    std::string last;
    for (bool more = true; more && into.size() < most;) {
        const auto found = next_values(in, of, last, "");
        if (!found) return std::unexpected(found.error());
        for (std::size_t row = 0; row < found->size() && into.size() < most; ++row) {
            last = found->text(row, 0);
            if (at.box().open(found->text(row, 2), found->text(row, 1))) continue;
            into.push_back(
                fmt::format("{} {}{}{}", of.name, last, of.tenant.empty() ? "" : " of tenant ", of.tenant));
        }
        more = found->size() == batch_size;
    }
    return {};
}

std::int64_t count_previous(const std::vector<sealed_values>& all) {
    std::int64_t out = 0;
    for (const auto& one : all)
        if (one.use == key_use::previous) out += one.count;
    return out;
}

}  // namespace

std::string_view use_name(key_use use) noexcept {
    switch (use) {
        case key_use::current: return "current";
        case key_use::previous: return "previous";
        default: return "unknown";
    }
}

result<sealed_inventory> list_sealed_values(site& at, const std::function<bool()>& stop) {
    sealed_inventory out;
    const auto count = [&](postgres::session& in, const sealed_place& of) {
        return count_values(at, in, of, out.values);
    };
    auto visited = visit_sealed_places(at, closed_databases::open, count, stop);
    if (!visited) return std::unexpected(std::move(visited.error()));
    out.unvisited = *std::move(visited);
    return out;
}

result<resealing> reseal(site& at, const std::function<void(std::size_t)>& on_batch,
                         const std::function<bool()>& stop) {
    if (at.box().key_ids().empty()) return fail(errc::conflict, "DATA_KEY is not set");
    constexpr int passes = 3;  // for what was changed, or made with the old key, while we were at it
    resealing out;
    bool left = true;
    for (int i = 0; i < passes && left; ++i) {
        pass over(
            at, [&](std::size_t sealed) { return on_batch ? on_batch(out.sealed + sealed) : void(); }, stop);
        const auto visited = over.run_over_all();
        out.sealed += over.sealed;
        out.unopened = over.unopened;
        if (!visited) return std::unexpected(visited.error());
        if (stop && stop()) return out;
        auto now = list_sealed_values(at, stop);
        if (!now) return std::unexpected(std::move(now.error()));
        if (stop && stop()) return out;
        left = count_previous(now->values) > 0;
        out.unvisited = std::move(now->unvisited);
    }
    out.complete = !left && out.unvisited.empty();
    return out;
}

result<key_findings> inspect_keys(site& at, std::size_t most, const std::function<bool()>& stop) {
    std::vector<sealed_values> values;
    key_findings out;
    const auto look = [&](postgres::session& in, const sealed_place& of) -> result<void> {
        if (auto counted = count_values(at, in, of, values); !counted) return counted;
        return find_unopened(at, in, of, most, out.unopened);
    };
    // Whom we do not reach, the inspection of tenants names.
    if (auto visited = visit_sealed_places(at, closed_databases::pass_by, look, stop); !visited)
        return std::unexpected(std::move(visited.error()));
    out.previous = count_previous(values);
    return out;
}

}  // namespace bulkhead::lifecycle
