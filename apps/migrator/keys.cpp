// SPDX-License-Identifier: Apache-2.0
// bulkhead-migrator keys generate, list, rotate
#include "lifecycle/keys.hpp"

#include <fmt/format.h>

#include "base/encoding.hpp"
#include "base/random.hpp"
#include "commands.hpp"
#include "lifecycle/role_passwords.hpp"
#include "reporting.hpp"
#include "stop_signal.hpp"

namespace bulkhead::migrator {
namespace {

using lifecycle::key_use;

int fail_with(const context& with, const error& why) {
    with.out.message(why.detail.empty() ? describe(why.code).title : std::string_view(why.detail));
    return exit_failed;
}

/// Each of them on a line of its own.
void name_unvisited(const context& with, const std::vector<lifecycle::unvisited_tenant>& all) {
    for (const auto& one : all)
        with.out.message(fmt::format("tenant {}: nobody looked into its database: {}", one.slug, one.why));
}

int rotate_data_key(const context& with) {
    auto at = site_of(with, "");
    const auto done = lifecycle::reseal(
        at, [&](std::size_t sealed) { with.out.message(fmt::format("{} values sealed again", sealed)); },
        [] { return stop_signal() != 0; });
    if (!done) return fail_with(with, done.error());
    with.out.summary({{"resealed", done->sealed},
                      {"unopened", done->unopened},
                      {"unvisited", done->unvisited.size()},
                      {"complete", done->complete}});
    name_unvisited(with, done->unvisited);
    if (done->unopened > 0)
        with.out.message(
            fmt::format("{} values are opened by no key that is configured: see keys list and the "
                        "lines above; set DATA_KEY_PREVIOUS to the key they were sealed with",
                        done->unopened));
    if (!done->complete) {
        with.out.message(
            "not everything is sealed with DATA_KEY: keep DATA_KEY_PREVIOUS and run keys rotate again");
        return exit_partly_failed;
    }
    if (done->unopened > 0) return exit_partly_failed;
    with.out.message("everything is sealed with DATA_KEY; DATA_KEY_PREVIOUS can be removed");
    return exit_ok;
}

class credentials_command {
public:
    explicit credentials_command(const context& with) : with_(with), at_(site_of(with, "")) {}

    int run() {
        if (!with_.args.slug.empty()) {
            rotate(with_.args.slug);
            return finish();
        }
        const auto tenants = read_tenants(with_);
        if (!tenants) return with_.out.message(tenants.error().message), exit_failed;
        for (const auto& one : *tenants) {
            if (stop_signal() != 0) {
                ++left_;
            } else if (one.status == tenancy::tenant_status::active ||
                       one.status == tenancy::tenant_status::suspended) {
                rotate(one.slug);
            } else {
                with_.out.message(fmt::format("{}: skipped, it is {}", one.slug, status_name(one.status)));
            }
        }
        return finish();
    }

private:
    void rotate(const std::string& slug) {
        const auto done = lifecycle::rotate_credentials(at_, slug);
        if (!done) {
            status_ = complain(with_, at_, done.error(), slug);
            ++failed_;
        } else {
            ++rotated_;
        }
        with_.out.data({{"type", "credentials"},
                        {"slug", slug},
                        {"rotated", done.has_value()},
                        {"error", done ? json::value(nullptr) : json::value(explain(done.error(), slug))}},
                       done ? fmt::format("{:<39} new passwords", slug) : "");
    }

    int finish() {
        with_.out.summary({{"rotated", rotated_}, {"failed", failed_}, {"left", left_}});
        if (left_ > 0)
            with_.out.message(
                fmt::format("{} tenants are left; run it again, for all or with --tenant", left_));
        if (failed_ + left_ == 0) return exit_ok;
        return rotated_ > 0 || left_ > 0 ? exit_partly_failed : status_;
    }

    const context& with_;
    lifecycle::site at_;
    std::size_t rotated_ = 0;
    std::size_t failed_ = 0;
    std::size_t left_ = 0;  // after a signal
    int status_ = exit_ok;
};

}  // namespace

int generate_key(const output& out) {
    const secret key(random_bytes(32));
    const auto text = to_base64(key.reveal());
    const auto id = sealed_box(key).key_ids().front();
    out.data({{"type", "key"}, {"id", id}, {"key", text}}, text);
    out.summary({{"keys", 1}});
    return exit_ok;
}

int list_keys(const context& with) {
    auto at = site_of(with, "");
    const auto all = lifecycle::list_sealed_values(at, [] { return stop_signal() != 0; });
    if (!all) return fail_with(with, all.error());
    std::int64_t previous = 0;
    std::int64_t unknown = 0;
    for (const auto& one : all->values) {
        with.out.data({{"type", "sealed"},
                       {"place", one.place},
                       {"key", one.key.empty() ? json::value(nullptr) : json::value(one.key)},
                       {"use", use_name(one.use)},
                       {"values", one.count}},
                      fmt::format("{:<36} {:<9} {:<9} {:>8}", one.place, one.key.empty() ? "?" : one.key,
                                  use_name(one.use), one.count));
        if (one.use == key_use::previous) previous += one.count;
        if (one.use == key_use::unknown) unknown += one.count;
    }
    const auto ids = with.box.key_ids();
    with.out.summary({{"current", ids.empty() ? json::value(nullptr) : json::value(ids[0])},
                      {"previous", ids.size() < 2 ? json::value(nullptr) : json::value(ids[1])},
                      {"not_current", previous},
                      {"unknown", unknown},
                      {"unvisited", all->unvisited.size()}});
    name_unvisited(with, all->unvisited);
    if (ids.empty()) with.out.message("DATA_KEY is not set: these values are not protected");
    if (previous > 0 && !ids.empty())
        with.out.message("bulkhead-migrator keys rotate seals all of them with DATA_KEY");
    if (unknown > 0)
        with.out.message(
            fmt::format("{} values need a key that is not configured: set DATA_KEY_PREVIOUS to it", unknown));
    if (stop_signal() != 0) return exit_failed;
    return all->unvisited.empty() ? exit_ok : exit_partly_failed;
}

int rotate_keys(const context& with) {
    return with.args.credentials ? credentials_command(with).run() : rotate_data_key(with);
}

}  // namespace bulkhead::migrator
