// SPDX-License-Identifier: Apache-2.0
#include "tenancy/directory.hpp"

#include "base/text.hpp"

namespace bulkhead::tenancy {
namespace {

constexpr std::size_t longest_slug = 39;

bool may_be_slug(std::string_view text) {
    return !text.empty() && text.size() <= longest_slug &&
           text.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == std::string_view::npos;
}

std::unexpected<error> unknown() { return fail(errc::tenant_unknown); }

}  // namespace

std::optional<std::string> slug_of_host(std::string_view host, std::string_view base_domain) {
    if (base_domain.empty()) return std::nullopt;
    const auto name = to_lower(host.substr(0, host.rfind(':')));
    const auto suffix = "." + to_lower(base_domain);
    if (!name.ends_with(suffix)) return std::nullopt;
    return name.substr(0, name.size() - suffix.size());
}

result<std::optional<std::string>> directory::asserted(const http::request_head& head) const {
    std::optional<std::string> by_header;
    for (const auto& line : head.headers()) {
        if (!iequals(line.name, "X-Tenant-ID")) continue;
        if (by_header && *by_header != line.value) return fail(errc::tenant_mismatch);
        by_header = std::string(line.value);
    }
    const auto by_host = slug_of_host(head.host, settings_.base_domain);
    if (by_header && by_host && *by_header != *by_host) return fail(errc::tenant_mismatch);
    return by_header ? by_header : by_host;
}

awaitable<result<tenant_context>> directory::enter(http::exchange& x) {
    const auto named = asserted(x.head());
    if (!named) co_return std::unexpected(named.error());
    const auto slug = named->value_or(settings_.default_tenant);
    if (!may_be_slug(slug)) co_return unknown();
    auto found = co_await registry_.by_slug(slug, x.deadline());
    if (!found) co_return std::unexpected(std::move(found.error()));
    co_return admit(std::move(*found), x);
}

awaitable<registry::found> directory::find(http::exchange& x, uuid id) {
    return registry_.by_id(id, x.deadline());
}

result<tenant_context> directory::enter(http::exchange& x, std::shared_ptr<const known_tenant> found) {
    const auto named = asserted(x.head());
    if (!named) return std::unexpected(named.error());
    if (*named && **named != found->slug) return fail(errc::tenant_mismatch);
    return admit(std::move(found), x);
}

result<tenant_context> directory::admit(std::shared_ptr<const known_tenant> found, http::exchange& x) {
    if (auto why = refusal_of(found->status)) return std::unexpected(*std::move(why));
    x.set_tenant(found->slug);
    auto db = registry_.open(tenant_passage(), *found, x.deadline());
    return tenant_context(std::move(found), std::move(db), x);
}

}  // namespace bulkhead::tenancy

namespace bulkhead::http {

awaitable<result<tenancy::tenant_context>> context<tenancy::tenant_context>::make(exchange& x) {
    return x.service<tenancy::directory>().enter(x);
}

void context<tenancy::tenant_context>::document(operation& op) {
    for (auto code : {errc::tenant_unknown, errc::tenant_mismatch, errc::tenant_suspended}) op.fails(code);
}

}  // namespace bulkhead::http
