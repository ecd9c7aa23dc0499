// SPDX-License-Identifier: Apache-2.0
// A file that the build put into the program (bulkhead_embed_files in infra/cmake/embed_files.cmake). The
// bytes live as long as the program; reading them is safe from any thread.
#pragma once

#include <string_view>

namespace bulkhead {

struct embedded_file {
    std::string_view name;  // without its folder
    std::string_view bytes;
};

}  // namespace bulkhead
