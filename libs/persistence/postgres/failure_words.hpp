// SPDX-License-Identifier: Apache-2.0
// What the server says about a failure, for logs and operators, without the data that it failed on: DETAIL
// repeats rows ("Failing row contains (…)") and keys, messages about bad values quote them. Pure functions,
// safe from any thread.
#pragma once

#include <string>
#include <string_view>

struct pg_result;

namespace bulkhead::postgres {

struct failure_words {
    std::string message{};
    std::string detail{};
    std::string hint{};
};

/// Of a failed statement.
[[nodiscard]] failure_words words_of(const pg_result* answer);

/// `said` without data, by its SQLSTATE: detail and quoted values of class 22 (data exceptions), the detail
/// of class 23 (integrity constraints; the message names the constraint) and of 44000 (check options).
[[nodiscard]] failure_words without_data(std::string_view sqlstate, failure_words said);

/// The messages of a program (pg_restore) without the lines that may hold data: DETAIL and CONTEXT.
[[nodiscard]] std::string without_data(std::string_view messages);

}  // namespace bulkhead::postgres
