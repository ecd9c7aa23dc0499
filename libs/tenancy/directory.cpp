// SPDX-License-Identifier: Apache-2.0
#include "tenancy/directory.hpp"

#include "base/text.hpp"
#include "http/idempotency_key.hpp"

namespace bulkhead::tenancy {
namespace {

constexpr std::size_t longest_slug = 39;

bool may_be_slug(std::string_view text) {
    return !text.empty() && text.size() <= longest_slug &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::unexpected<error> unknown() { return fail(errc::tenant_unknown); }

error migrating() {
    return {.code = errc::unavailable,
            .detail = "the tenant's database is still being brought up to date",
            .retry_after = std::chrono::minutes{1}};
}

}  // namespace

std::optional<std::string> slug_of_host(std::string_view host, std::string_view base_domain) {
    if (base_domain.empty() || host.starts_with('[')) return std::nullopt;
    // One name, however it is spelled: escapes (RFC 3986 section 6.2.2), case, and the dot of the root.
    const auto decoded = percent_decode(host.substr(0, host.find(':')), false);
    auto name = to_lower(decoded.value_or(""));
    if (name.ends_with('.')) name.pop_back();
    const auto suffix = "." + to_lower(base_domain);
    if (!name.ends_with(suffix)) return std::nullopt;
    return name.substr(0, name.size() - suffix.size());
}

result<std::optional<std::string>> named_tenant(const http::request_head& head,
                                                std::string_view base_domain) {
    std::optional<std::string> named;
    bool agreed = true;
    const auto add = [&](std::string slug) {
        agreed = agreed && (!named || *named == slug);
        named = std::move(slug);
    };
    for (const auto& line : head.headers())
        if (iequals(line.name, "X-Tenant-ID")) add(std::string(line.value));
    if (auto slug = slug_of_host(head.host, base_domain)) add(*std::move(slug));
    // With an absolute target the Host line does not count (RFC 9112 section 3.2.2), but whatever stands
    // between us and the client may have gone by it.
    if (auto slug = slug_of_host(head.find("Host").value_or(""), base_domain)) add(*std::move(slug));
    if (!agreed) return fail(errc::tenant_mismatch);
    return named;
}

awaitable<result<tenant_context>> directory::enter(http::exchange& x) {
    const auto named = named_tenant(x.head(), settings_.base_domain);
    if (!named) co_return std::unexpected(named.error());
    const auto slug = named->value_or(settings_.default_tenant);
    if (!may_be_slug(slug)) co_return unknown();
    auto found = co_await registry_.by_slug(slug, x.deadline());
    if (!found) co_return std::unexpected(std::move(found.error()));
    co_return co_await admit(*std::move(found), x, std::nullopt);
}

awaitable<registry::found> directory::find(http::exchange& x, uuid id) {
    return registry_.by_id(id, x.deadline());
}

awaitable<result<tenant_context>> directory::enter(http::exchange& x,
                                                   std::shared_ptr<const known_tenant> found, uuid user) {
    const auto named = named_tenant(x.head(), settings_.base_domain);
    if (!named) co_return std::unexpected(named.error());
    if (*named && **named != found->slug) co_return fail(errc::tenant_mismatch);
    co_return co_await admit(std::move(found), x, user);
}

awaitable<result<tenant_context>> directory::admit(std::shared_ptr<const known_tenant> found,
                                                   http::exchange& x, std::optional<uuid> user) {
    x.set_tenant(found->slug);
    if (auto why = refusal_of(found->status)) co_return std::unexpected(*std::move(why));
    const auto took_time = co_await quotas_.count_request(x, *found, user);
    if (!took_time) co_return std::unexpected(took_time.error());
    if (*took_time) {  // the tenant may have been closed in the middle of it
        auto again = co_await registry_.by_id(found->id, x.deadline());
        if (!again) co_return std::unexpected(std::move(again.error()));
        found = *std::move(again);
        if (auto why = refusal_of(found->status)) co_return std::unexpected(*std::move(why));
    }
    if (x.row() && found->schema_version < x.row()->texts.schema) co_return std::unexpected(migrating());
    // What was done already may be asked again when there is no room any more.
    if (!http::has_idempotency_key(x.head()))
        if (auto room = quotas_.check_storage(*found, x); !room)
            co_return std::unexpected(std::move(room.error()));
    auto db = registry_.open(tenant_passage(), *found, x.deadline());
    db.record_in(x.recording());
    co_return tenant_context(std::move(found), std::move(db), x);
}

}  // namespace bulkhead::tenancy

namespace bulkhead::http {

awaitable<result<tenancy::tenant_context>> context<tenancy::tenant_context>::make(exchange& x) {
    return x.service<tenancy::directory>().enter(x);
}

void context<tenancy::tenant_context>::document(operation& op) {
    for (auto code : {errc::tenant_unknown, errc::tenant_mismatch, errc::tenant_suspended,
                      errc::quota_exceeded, errc::too_many_requests})
        op.fails(code);
}

}  // namespace bulkhead::http
