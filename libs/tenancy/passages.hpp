// SPDX-License-Identifier: Apache-2.0
// Keys to the registry's doors. Only the classes named here can make one, so that nobody else can open a
// database: a feature sees a tenant's data through its tenant_context, and control data through a
// platform_context. Empty values.
#pragma once

namespace bulkhead::auth {
class platform_context;
}
namespace bulkhead::ops {
class health;
}
namespace bulkhead::queue {
class tenant_access;
}

namespace bulkhead::tenancy {

/// To a tenant's database: for the directory, which has checked the request, for tenant_access, through which
/// the queue works, and for tenant_door, through which tests enter.
class tenant_passage {
    friend class directory;
    friend class queue::tenant_access;
    friend class tenant_door;
    tenant_passage() {}
};

/// To the control database: for operators who have proved who they are, for the health check, and for the
/// queue, which visits all tenants.
class control_passage {
    friend class auth::platform_context;
    friend class ops::health;
    friend class queue::tenant_access;
    control_passage() {}
};

}  // namespace bulkhead::tenancy
