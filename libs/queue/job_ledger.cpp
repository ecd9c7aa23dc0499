// SPDX-License-Identifier: Apache-2.0
#include "queue/job_ledger.hpp"

#include "queue/tenant_access.hpp"

namespace bulkhead::queue {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t most_together = 50;
/// While one waits for the disk, another one is on its way.
constexpr unsigned at_once = 2;
constexpr std::chrono::milliseconds patience{5'000};

/// What one of them may be to blame for: each is tried by itself then. Where nobody knows what took effect,
/// nothing is.
bool may_be_one(const error& why) {
    return why.code != errc::unavailable && why.code != errc::deadline_exceeded;
}

}  // namespace

job_ledger::job_ledger(tenancy::registry& tenants)
    : tenants_(tenants),
      claims_(
          [this](tenant_ptr of, std::vector<uuid> all) { return claim_all(std::move(of), std::move(all)); },
          most_together, at_once),
      ends_([this](tenant_ptr of,
                   std::vector<job_store::success> all) { return end_all(std::move(of), std::move(all)); },
            most_together, at_once) {}

job_store job_ledger::store(const tenancy::known_tenant& of) const {
    return job_store(tenant_access::open(tenants_, of, runtime::deadline::in(patience)));
}

awaitable<result<job_store::claim_outcome>> job_ledger::claim(tenant_ptr of, uuid id) {
    return claims_.ask(std::move(of), id);
}

awaitable<result<bool>> job_ledger::end_succeeded(tenant_ptr of, job_store::success what) {
    return ends_.ask(std::move(of), std::move(what));
}

awaitable<job_ledger::claims::answers> job_ledger::claim_all(tenant_ptr of, std::vector<uuid> all) {
    const auto jobs = store(*of);
    auto taken = co_await jobs.claim_some(all);
    claims::answers out;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (taken && (*taken)[i])
            out.emplace_back(job_store::claim_outcome{.job = std::move((*taken)[i])});
        else if (taken)
            out.emplace_back(co_await jobs.why_unclaimed(all[i]));
        else if (all.size() > 1 && may_be_one(taken.error()))
            out.emplace_back(co_await jobs.claim(all[i]));
        else
            out.emplace_back(std::unexpected(taken.error()));
    }
    co_return out;
}

awaitable<job_ledger::ends::answers> job_ledger::end_all(tenant_ptr of, std::vector<job_store::success> all) {
    const auto jobs = store(*of);
    const auto done = co_await jobs.end_some_succeeded(all);
    ends::answers out;
    for (std::size_t i = 0; i < all.size(); ++i) {
        if (done)
            out.emplace_back(static_cast<bool>((*done)[i]));
        else if (all.size() > 1 && may_be_one(done.error()))
            out.emplace_back(co_await jobs.end_succeeded(all[i].id, all[i].fence, all[i].outcome));
        else
            out.emplace_back(std::unexpected(done.error()));
    }
    co_return out;
}

}  // namespace bulkhead::queue
