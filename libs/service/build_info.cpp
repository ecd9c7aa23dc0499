// SPDX-License-Identifier: Apache-2.0
#include "service/build_info.hpp"

#include "base/version.hpp"

namespace bulkhead::service {
namespace {

#ifdef __clang__
constexpr std::string_view compiler = "clang " __clang_version__;
#else
constexpr std::string_view compiler = "gcc " __VERSION__;
#endif

}  // namespace

std::string_view build_commit() noexcept { return BULKHEAD_COMMIT; }

void add_build_info(metrics::registry& to) {
    const auto labels = metrics::label("version", version_text) + ',' +
                        metrics::label("commit", build_commit()) + ',' + metrics::label("compiler", compiler);
    to.add_gauge("bulkhead_build_info", "What this program was made from", labels).set(1);
}

}  // namespace bulkhead::service
