// SPDX-License-Identifier: Apache-2.0
// The little of tar that archives of tenants need: the header of one regular file (POSIX.1-1988 ustar, with
// GNU's binary sizes from 8 GiB). A header can be written when the size is known, after the bytes. Reading
// takes nothing else: no links, no folders, no extensions. Pure functions.
#pragma once

#include <array>
#include <cstdint>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>

namespace bulkhead::lifecycle {

inline constexpr std::size_t tar_block = 512;

struct tar_member {
    std::string name;  // at most 100 bytes
    std::uint64_t size = 0;
};

/// The block that goes before the bytes of a file, readable by its owner only.
std::array<char, tar_block> tar_header(const tar_member& of, std::time_t modified);

/// nullopt for anything but the header of a regular file, and for a wrong checksum.
std::optional<tar_member> read_tar_header(std::string_view block);

/// How many zero bytes follow the bytes of a file.
constexpr std::uint64_t tar_padding(std::uint64_t size) noexcept {
    return (tar_block - size % tar_block) % tar_block;
}

}  // namespace bulkhead::lifecycle
