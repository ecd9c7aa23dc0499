// SPDX-License-Identifier: Apache-2.0
#include "features/platform/routes.hpp"

#include "auth/password_policy.hpp"
#include "auth/passwords.hpp"
#include "features/platform/errand.hpp"
#include "features/platform/inspection.hpp"
#include "features/platform/repository.hpp"
#include "http/conditional.hpp"
#include "lifecycle/clone.hpp"
#include "lifecycle/creation.hpp"
#include "lifecycle/removal.hpp"
#include "lifecycle/states.hpp"
#include "tenancy/control_store.hpp"

namespace bulkhead::platform {
namespace {

using auth::platform_context;
using http::preconditions;
using lifecycle::site;

http::tagged<tenant> tagged(tenant value) {
    auto etag = etag_of(value);
    return {std::move(value), std::move(etag)};
}

/// Has a short change made, and answers with the tenant as it is then.
template <class F>
awaitable<result<http::tagged<tenant>>> change(const platform_context& by, F work) {
    auto changed = co_await have_done(by, by.offices().front, std::move(work));
    if (!changed) co_return std::unexpected(std::move(changed.error()));
    co_return tagged(to_tenant(*changed));
}

// GET /api/platform/tenants
awaitable<result<tenant_page>> list_tenants(platform_context& by, http::query<tenant_query> query) {
    co_return co_await repository(by).list(std::move(query.value));
}

/// errc::validation_failed when it may not be a password here.
awaitable<result<std::string>> hash_password(const platform_context& by, const tenant_input& in) {
    const auto& owner = in.owner;
    if (auto wrong = auth::check_password(owner.password.reveal(), owner.email.str(), in.name.str(),
                                          "/owner/password")) {
        error refused{.code = errc::validation_failed};
        refused.fields.push_back(std::move(*wrong));
        co_return std::unexpected(std::move(refused));
    }
    auto& x = by.request();
    co_return co_await x.service<auth::passwords>().hash(owner.password.value(), x.deadline());
}

// POST /api/platform/tenants
awaitable<result<tenant_or_job>> create_tenant(platform_context& by, http::body<tenant_input> input,
                                               http::wait_preference asked) {
    auto& in = input.value;
    auto hash = co_await hash_password(by, in);
    if (!hash) co_return std::unexpected(std::move(hash.error()));
    lifecycle::new_tenant wanted{
        .slug = in.slug.str(),
        .name = in.name.str(),
        .owner = lifecycle::owner_account{in.owner.email.str(), in.owner.name.str(), std::move(*hash)},
        .limits = in.limits.value_or(tenancy::tenant_limits{})};
    auto begin = [wanted = std::move(wanted)](site& at) { return lifecycle::begin_creation(at, wanted); };
    auto begun = co_await have_done(by, by.offices().front, std::move(begin));
    if (!begun) co_return std::unexpected(std::move(begun.error()));
    co_return co_await make(by, by.offices().front, std::move(*begun), asked);
}

// GET /api/platform/tenants/{slug}
awaitable<result<http::fresh_or_not_modified<tenant>>> get_tenant(platform_context& by, named_tenant named,
                                                                  preconditions asked) {
    auto found = co_await repository(by).find(std::move(named.slug));
    if (!found) co_return std::unexpected(std::move(found.error()));
    auto etag = etag_of(*found);
    co_return http::unless_known(std::move(*found), std::move(etag), asked);
}

result<tenancy::tenant> apply(site& at, const std::string& slug, const preconditions& asked,
                              const tenant_patch& patch) {
    return lifecycle::change(at, slug, [&](const tenancy::tenant& now) -> result<lifecycle::tenant_change> {
        if (!asked.match(etag_of(to_tenant(now)))) return fail(errc::precondition_failed);
        lifecycle::tenant_change wanted;
        if (patch.slug.given()) wanted.slug = patch.slug.value().str();
        if (patch.name.given()) wanted.name = patch.name.value().str();
        if (patch.limits.given()) wanted.limits = patched(now.limits, patch.limits);
        return wanted;
    });
}

// PATCH /api/platform/tenants/{slug}
awaitable<result<http::tagged<tenant>>> change_tenant(platform_context& by, named_tenant named,
                                                      preconditions asked,
                                                      http::merge_patch<tenant_patch> patch) {
    auto work = [slug = std::move(named.slug), asked = std::move(asked),
                 patch = std::move(patch.value)](site& at) { return apply(at, slug, asked, patch); };
    return change(by, std::move(work));
}

/// Work that is always answered with its job.
template <class F>
awaitable<result<http::accepted<job>>> begin(const platform_context& by, F work) {
    auto begun = co_await have_done(by, by.offices().front, std::move(work));
    if (!begun) co_return std::unexpected(std::move(begun.error()));
    co_return co_await leave_to(by, by.offices().back, std::move(*begun));
}

// DELETE /api/platform/tenants/{slug}
awaitable<result<http::accepted<job>>> delete_tenant(platform_context& by, named_tenant named) {
    auto work = [slug = std::move(named.slug)](site& at) { return lifecycle::begin_removal(at, slug); };
    return begin(by, std::move(work));
}

// POST /api/platform/tenants/{slug}/undelete
awaitable<result<http::accepted<job>>> undelete_tenant(platform_context& by, named_tenant named) {
    auto work = [slug = std::move(named.slug)](site& at) { return lifecycle::begin_undelete(at, slug); };
    return begin(by, std::move(work));
}

// POST /api/platform/tenants/{slug}/suspend
awaitable<result<http::tagged<tenant>>> suspend_tenant(platform_context& by, named_tenant named,
                                                       http::optional_body<suspension_input> input) {
    auto reason = input.value.reason ? input.value.reason->str() : "";
    auto work = [slug = std::move(named.slug), reason = std::move(reason)](site& at) {
        return lifecycle::suspend(at, slug, reason);
    };
    return change(by, std::move(work));
}

// POST /api/platform/tenants/{slug}/resume
awaitable<result<http::tagged<tenant>>> resume_tenant(platform_context& by, named_tenant named) {
    auto work = [slug = std::move(named.slug)](site& at) { return lifecycle::resume(at, slug); };
    return change(by, std::move(work));
}

// POST /api/platform/tenants/{slug}/clone
awaitable<result<tenant_or_job>> clone_tenant(platform_context& by, named_tenant named,
                                              http::body<clone_input> input, http::wait_preference asked) {
    lifecycle::new_tenant wanted{.slug = input.value.slug.str(), .name = input.value.name.str()};
    auto work = [source = std::move(named.slug), wanted = std::move(wanted)](site& at) {
        return lifecycle::begin_clone(at, source, wanted);
    };
    auto begun = co_await have_done(by, by.offices().front, std::move(work));
    if (!begun) co_return std::unexpected(std::move(begun.error()));
    co_return co_await make(by, by.offices().back, std::move(*begun), asked);
}

// GET /api/platform/tenants/{slug}/health
awaitable<result<tenant_health>> get_tenant_health(platform_context& by, named_tenant named) {
    auto work = [slug = std::move(named.slug)](site& at) { return inspect(at, slug); };
    return have_done(by, by.offices().field, std::move(work));
}

// GET /api/platform/jobs/{id}
awaitable<result<job>> get_job(platform_context& by, http::path_id id) {
    co_return co_await repository(by).find_job(id.value);
}

// GET /api/platform/audit
awaitable<result<audit_page>> list_audit(platform_context& by, http::query<audit_query> query) {
    co_return co_await repository(by).audit(std::move(query.value));
}

void mount_states(http::router& routes, std::string_view tag) {
    routes.post<suspend_tenant>("/api/platform/tenants/{slug}/suspend",
                                {.id = "suspendTenant",
                                 .summary = "Refuse all requests of a tenant until it is resumed",
                                 .tag = tag,
                                 .failures = {errc::conflict}});
    routes.post<resume_tenant>(
        "/api/platform/tenants/{slug}/resume",
        {.id = "resumeTenant", .summary = "End a suspension", .tag = tag, .failures = {errc::conflict}});
    routes.post<undelete_tenant>("/api/platform/tenants/{slug}/undelete",
                                 {.id = "undeleteTenant",
                                  .summary = "Bring a deleted tenant back with all data",
                                  .tag = tag,
                                  .failures = {errc::conflict}});
}

}  // namespace

void mount(http::router& routes) {
    constexpr std::string_view tag = "platform";
    routes.get<list_tenants>(
        "/api/platform/tenants",
        {.id = "listTenants", .summary = "Tenants in the order of their slugs", .tag = tag});
    routes.post<create_tenant>(
        "/api/platform/tenants",
        {.id = "createTenant",
         .summary = "Make a tenant and its owner",
         .tag = tag,
         .description =
             "The slug is taken at once. With Prefer: wait the answer is the tenant if it is made in "
             "time; otherwise it is the job that makes it.",
         .failures = {errc::conflict}});
    routes.get<get_tenant>("/api/platform/tenants/{slug}",
                           {.id = "getTenant", .summary = "One tenant", .tag = tag});
    routes.patch<change_tenant>("/api/platform/tenants/{slug}",
                                {.id = "changeTenant",
                                 .summary = "Rename a tenant, or change its limits",
                                 .tag = tag,
                                 .description = "A former slug is free at once, and unknown.",
                                 .failures = {errc::conflict, errc::precondition_failed}});
    routes.del<delete_tenant>(
        "/api/platform/tenants/{slug}",
        {.id = "deleteTenant",
         .summary = "Delete a tenant",
         .tag = tag,
         .description =
             "It is out of reach at once and can be brought back until purge_after; until then its "
             "slug stays taken.",
         .failures = {errc::conflict}});
    mount_states(routes, tag);
    routes.post<clone_tenant>(
        "/api/platform/tenants/{slug}/clone",
        {.id = "cloneTenant",
         .summary = "Make a tenant with the users and data of another one",
         .tag = tag,
         .description =
             "The source stays in use; what it holds at one moment is copied. The new tenant has its "
             "own credentials, and no session or token of the source is valid in it.",
         .failures = {errc::conflict}});
    routes.get<get_tenant_health>("/api/platform/tenants/{slug}/health",
                                  {.id = "getTenantHealth",
                                   .summary = "Whether a tenant's database answers, and how large it is",
                                   .tag = tag});
    routes.get<get_job>("/api/platform/jobs/{id}",
                        {.id = "getPlatformJob", .summary = "How far work on a tenant is", .tag = tag});
    routes.get<list_audit>(
        "/api/platform/audit",
        {.id = "listPlatformAudit", .summary = "Who did what to which tenant, newest first", .tag = tag});
}

}  // namespace bulkhead::platform
