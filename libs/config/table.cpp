// SPDX-License-Identifier: Apache-2.0
#include "config/table.hpp"

#include "config/rows/rows.hpp"

namespace bulkhead::config {

std::span<const row> table() {
    static const std::vector<row> rows = [] {
        std::vector<row> all;
        for (auto part : {general_rows(), report_rows(), http_rows(), edge_rows(), storage_rows(),
                          queue_rows(), mail_rows(), webhook_rows(), secret_rows()})
            all.insert(all.end(), part.begin(), part.end());
        return all;
    }();
    return rows;
}

}  // namespace bulkhead::config
