// SPDX-License-Identifier: Apache-2.0
// Tells every registry of the process what the control database announces: which tenant has changed, and when
// nobody can know. One per process, with one connection, on the reactor it is given; registries are told on
// their own reactors. Within milliseconds of a commit a suspended tenant is refused and has lost its
// connections everywhere.
#pragma once

#include <functional>
#include <vector>

#include "observability/metrics.hpp"
#include "persistence/postgres/listener.hpp"
#include "tenancy/registry.hpp"

namespace bulkhead::tenancy {

class change_feed {
public:
    static constexpr unsigned connections = 1;  // of the process's budget

    /// `control` must lead to the server itself, not to a pooler. `counts` must outlive this object.
    change_feed(executor home, const postgres::conninfo& control, postgres::session_defaults session,
                metrics::registry& counts);

    /// Before start(). `tenants` belongs to `where` and must live until that reactor has ended.
    void tell(executor where, registry& tenants);

    /// Before start(). Called on the home reactor with every change; the registries are being told meanwhile.
    using change_listener = std::function<void(const tenant_change& what)>;
    void on_change(change_listener call) { also_.push_back(std::move(call)); }

    /// On the home reactor.
    void start() { listener_.start(); }
    void stop() { listener_.stop(); }

private:
    struct audience {
        executor where;
        registry* tenants;
    };

    template <class Action>
    void on_each(Action action);
    void on_listening(bool listening);
    void on_payload(std::string_view payload);

    std::vector<audience> audience_;
    std::vector<change_listener> also_;
    metrics::gauge& up_;
    metrics::counter& events_;
    postgres::listener listener_;
};

/// "<id> <status> <revision>"; nullopt for anything else.
[[nodiscard]] std::optional<tenant_change> parse_change(std::string_view payload);

}  // namespace bulkhead::tenancy
