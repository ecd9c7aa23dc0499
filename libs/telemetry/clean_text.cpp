// SPDX-License-Identifier: Apache-2.0
#include "telemetry/clean_text.hpp"

#include "base/text.hpp"

namespace bulkhead::telemetry {

std::string clean_text(std::string_view text, std::size_t longest) {
    std::string out(text.substr(0, longest));
    if (is_utf8(out)) return out;
    for (char& c : out)
        if (static_cast<unsigned char>(c) >= 0x80) c = '?';
    return out;
}

}  // namespace bulkhead::telemetry
