// SPDX-License-Identifier: Apache-2.0
// The name of a stored object. It begins with the tenant it belongs to and can be built in no other way, so
// that no name leads to another tenant's objects or out of the storage. Plain values.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/uuid.hpp"

namespace bulkhead::storage {

class object_key {
public:
    /// 1 to 8 segments of 1 to 100 letters, digits, '.', '_' and '-', none with a '.' in front; nullopt
    /// otherwise.
    [[nodiscard]] static std::optional<object_key> make(const uuid& tenant,
                                                        std::vector<std::string> segments);

    [[nodiscard]] const uuid& tenant() const noexcept { return tenant_; }
    [[nodiscard]] const std::vector<std::string>& segments() const noexcept { return segments_; }
    /// "<tenant>/exports/tasks.csv"
    [[nodiscard]] std::string text() const;

private:
    object_key(const uuid& tenant, std::vector<std::string> segments)
        : tenant_(tenant), segments_(std::move(segments)) {}

    uuid tenant_;
    std::vector<std::string> segments_;
};

}  // namespace bulkhead::storage
