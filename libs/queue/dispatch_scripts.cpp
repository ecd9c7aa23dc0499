// SPDX-License-Identifier: Apache-2.0
#include "queue/dispatch_scripts.hpp"

#include <array>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/embedded_file.hpp"

namespace bulkhead::queue {
namespace scripts {
std::span<const embedded_file> embedded_files() noexcept;
}  // namespace scripts

namespace {

constexpr std::array<std::string_view, 10> names{"push",      "turn",  "beat",  "reap",    "cancel",
                                                 "set_rules", "purge", "count", "explain", "check"};

std::string_view text_of(std::string_view name) {
    for (const auto& file : scripts::embedded_files())
        if (file.name.substr(0, file.name.rfind('.')) == name) return file.bytes;
    throw std::logic_error("no script " + std::string(name));
}

std::vector<redis::script> all_scripts() {
    std::vector<redis::script> out;
    for (const auto name : names) {
        std::string text(text_of("shared"));
        text += text_of(name);
        out.emplace_back(text);
    }
    return out;
}

}  // namespace

redis::script script_named(std::string_view name) { return redis::script(text_of(name)); }

std::string_view script_name(dispatch_script which) noexcept {
    return names[static_cast<std::size_t>(which)];
}

const redis::script& script_of(dispatch_script which) {
    static const auto all = all_scripts();
    return all[static_cast<std::size_t>(which)];
}

}  // namespace bulkhead::queue
