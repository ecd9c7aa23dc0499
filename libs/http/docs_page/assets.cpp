// SPDX-License-Identifier: Apache-2.0
#include "http/docs_page/assets.hpp"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <deque>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/embedded_file.hpp"
#include "base/encoding.hpp"

namespace bulkhead::http::docs_page {

std::span<const embedded_file> embedded_files() noexcept;  // made by the build, index.html first

namespace {

std::string_view content_type_of(std::string_view name) {
    constexpr std::array<std::pair<std::string_view, std::string_view>, 5> types{{
        {".html", "text/html; charset=utf-8"},
        {".js", "text/javascript; charset=utf-8"},
        {".css", "text/css; charset=utf-8"},
        {".png", "image/png"},
        {".txt", "text/plain; charset=utf-8"},
    }};
    for (const auto& [suffix, type] : types)
        if (name.ends_with(suffix)) return type;
    throw std::logic_error("an embedded file of the documentation page has no content type");
}

std::string etag_of(std::string_view bytes) {
    std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
    SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), digest.data());
    const std::string_view start{reinterpret_cast<const char*>(digest.data()), 12};
    return '"' + to_base64url(start) + '"';
}

struct asset_table {
    std::deque<std::string> etags;  // a deque, because the rows below point into it
    std::vector<asset> rows;

    asset_table() {
        for (const auto& file : embedded_files()) {
            etags.push_back(etag_of(file.bytes));
            rows.push_back({file.name, content_type_of(file.name), file.bytes, etags.back()});
        }
    }
};

const std::vector<asset>& all() {
    static const asset_table table;
    return table.rows;
}

}  // namespace

const asset& index() { return all().front(); }

std::span<const asset> assets() { return std::span{all()}.subspan(1); }

const asset* find(std::string_view name) {
    const auto found = std::ranges::find(assets(), name, &asset::name);
    return found == assets().end() ? nullptr : &*found;
}

}  // namespace bulkhead::http::docs_page
