// SPDX-License-Identifier: Apache-2.0
// What stands at an address of a program that has crashed: from its memory map to files, and from their
// symbol tables to names. For a report that is sent once; reads files of this machine, 64-bit ELF only.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "telemetry/sentry_event.hpp"

namespace bulkhead::telemetry {

/// One line of /proc/<pid>/maps that belongs to a file.
struct mapping {
    std::uint64_t begin = 0, end = 0;  // addresses
    std::uint64_t offset = 0;          // in the file
    bool code = false;
    std::string file{};
};
[[nodiscard]] std::vector<mapping> parse_maps(std::string_view text);

/// The files with code that one of the frames stands in.
[[nodiscard]] std::vector<crash_image> images_of(const std::vector<mapping>& maps,
                                                 const std::vector<crash_frame>& frames);

/// Says of each frame in which file and function it stands, as far as it can be found. All but the first are
/// return addresses: the call is just before them.
void resolve(std::vector<crash_frame>& frames, const std::vector<mapping>& maps);

/// A symbol table, and the id that the linker gave the file.
class elf_file {
public:
    /// nullopt: it cannot be read, or is none.
    static std::optional<elf_file> open(const std::string& path);

    /// The function at an offset in the file, demangled; empty: unknown.
    [[nodiscard]] std::string function_at(std::uint64_t offset) const;
    /// Hex; empty: none.
    [[nodiscard]] std::string build_id() const;

private:
    explicit elf_file(std::string bytes) : bytes_(std::move(bytes)) {}

    std::string bytes_;
};

}  // namespace bulkhead::telemetry
