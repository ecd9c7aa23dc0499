// SPDX-License-Identifier: Apache-2.0
// Rate, errors and duration of every route. An answer is counted at the position of its row: no name is
// looked up and no memory shared with another reactor is written. One object per reactor; the objects of a
// program are shards of the same series.
#pragma once

#include <array>
#include <cstddef>
#include <string>
#include <vector>

#include "http/observer.hpp"
#include "http/router.hpp"
#include "observability/metrics.hpp"

namespace bulkhead::http {

class route_metrics final : public answer_observer {
public:
    /// Both must outlive this object, and the table must be complete.
    route_metrics(const router& routes, metrics::registry& to);

    void on_answer(const answered& what) override;

private:
    static constexpr unsigned first_code = 200, last_code = 599;

    struct counted {
        std::string labels;
        metrics::histogram* seconds;
        std::vector<metrics::counter*> by_code;  // from first_code on; made when a code is first seen
    };
    counted make(std::string_view method, std::string_view route);
    metrics::counter& counter(counted& at, unsigned code);

    metrics::registry& registry_;
    const route* const first_;
    std::vector<counted> rows_;  // as in the table; the last one is for requests that no row serves
};

}  // namespace bulkhead::http
