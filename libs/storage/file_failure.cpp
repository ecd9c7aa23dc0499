// SPDX-License-Identifier: Apache-2.0
#include "storage/file_failure.hpp"

#include <fmt/format.h>

#include <cerrno>
#include <system_error>

namespace bulkhead::storage {

std::unexpected<file_failure> file_failure::now(std::string_view doing, std::string_view path) {
    return std::unexpected(
        file_failure{.number = errno, .doing = std::string(doing), .path = std::string(path)});
}

std::string_view file_failure::kind() const noexcept {
    switch (number) {
        case ENOSPC:
        case EDQUOT:
        case EFBIG: return "full";
        case EACCES:
        case EPERM:
        case EROFS: return "denied";
        case ENOENT:
        case ENOTDIR:
        case ELOOP: return "absent";  // ELOOP: a symbolic link, which we never make and never follow
        default: return "failed";
    }
}

error file_failure::to_error() const {
    const auto what = kind();
    if (what == "absent") return {.code = errc::not_found, .detail = "there is no such file"};
    if (what == "full") return {.code = errc::unavailable, .detail = "the storage is full"};
    if (what == "denied") return {.code = errc::unavailable, .detail = "the storage refuses access"};
    return {.code = errc::unavailable, .detail = "the storage failed"};
}

std::string file_failure::text() const {
    return fmt::format("{} {}: {}", doing, path, std::generic_category().message(number));
}

}  // namespace bulkhead::storage
