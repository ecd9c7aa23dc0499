// SPDX-License-Identifier: Apache-2.0
// What a statement does, in two words, for traces. A glance, not a parser: our own statements are read, not
// anybody's. Pure; safe from any thread.
#pragma once

#include <string>
#include <string_view>

namespace bulkhead::postgres {

struct statement_summary {
    std::string operation{};  // "SELECT"; the first word when it is none of the usual ones
    std::string table{};      // empty: none is seen

    /// "SELECT tasks"
    [[nodiscard]] std::string text() const;
};

/// Of `sql`, or of the main statement behind its WITH. Holds no literal of the text.
[[nodiscard]] statement_summary summarise(std::string_view sql);

}  // namespace bulkhead::postgres
