// SPDX-License-Identifier: Apache-2.0
// What a system call on a file of the storage said, for operators and for clients. Plain values.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "base/error.hpp"

namespace bulkhead::storage {

struct file_failure {
    int number = 0;       // errno
    std::string doing{};  // "write", "rename" ...
    std::string path{};   // within the storage

    /// errno as it is now.
    [[nodiscard]] static std::unexpected<file_failure> now(std::string_view doing, std::string_view path);

    /// "full", "denied", "absent" or "failed": stable, a metric label.
    [[nodiscard]] std::string_view kind() const noexcept;
    /// What a client gets to know: errc::not_found for what is absent, else errc::unavailable.
    [[nodiscard]] error to_error() const;
    /// What an operator reads: "write 4f…/exports/a.csv: No space left on device".
    [[nodiscard]] std::string text() const;
};

template <class T = void>
using file_result = std::expected<T, file_failure>;

}  // namespace bulkhead::storage
