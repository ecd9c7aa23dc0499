// SPDX-License-Identifier: Apache-2.0
#include "http/accept_encoding.hpp"

#include <algorithm>
#include <optional>

#include "base/text.hpp"

namespace bulkhead::http {
namespace {

constexpr std::array<std::string_view, 3> names{"identity", "gzip", "zstd"};
constexpr unsigned full_weight = 1000;

/// RFC 9110 section 12.4.2: "0", "0.5", "1.000"; in thousandths. nullopt: anything else.
std::optional<unsigned> parse_weight(std::string_view text) {
    if (text.empty() || (text[0] != '0' && text[0] != '1')) return std::nullopt;
    unsigned out = text[0] == '1' ? full_weight : 0;
    if (text.size() == 1) return out;
    if (text[1] != '.' || text.size() > 5) return std::nullopt;
    unsigned unit = full_weight;
    for (const char digit : text.substr(2)) {
        if (digit < '0' || digit > '9') return std::nullopt;
        unit /= 10;
        out += unit * static_cast<unsigned>(digit - '0');
    }
    return out <= full_weight ? std::optional(out) : std::nullopt;
}

/// The weight of one element of the list: 1 unless it says otherwise.
unsigned weight_of(std::string_view parameters) {
    parameters = trim(parameters);
    if (parameters.empty()) return full_weight;
    const auto equals = parameters.find('=');
    if (equals == parameters.npos || !iequals(trim(parameters.substr(0, equals)), "q")) return 0;
    return parse_weight(trim(parameters.substr(equals + 1))).value_or(0);
}

/// What a list says about each coding and about all others.
struct listed {
    std::array<std::optional<unsigned>, 3> named{};
    std::optional<unsigned> others{};

    void add(std::string_view element) {
        const auto semicolon = element.find(';');
        const auto name = trim(element.substr(0, semicolon));
        const auto weight = weight_of(semicolon == element.npos ? "" : element.substr(semicolon + 1));
        if (name == "*") others = weight;
        for (std::size_t i = 0; i < names.size(); ++i)
            if (iequals(name, names[i])) named[i] = weight;
        if (iequals(name, "x-gzip")) named[1] = weight;  // RFC 9110 section 8.4.1.3
    }
};

}  // namespace

std::string_view coding_name(coding one) noexcept { return names[static_cast<std::size_t>(one)]; }

accepted_codings::accepted_codings(const request_head& head) {
    listed all;
    for (const auto& line : head.headers()) {
        if (!iequals(line.name, "Accept-Encoding")) continue;
        for (const auto element : split(line.value, ',')) all.add(element);
    }
    for (std::size_t i = 0; i < names.size(); ++i) {
        // What is sent as it is need not be named to be taken, only liked less than what is named.
        const auto unnamed = i == index(coding::identity) ? 1U : 0U;
        weights_[i] = all.named[i].value_or(all.others.value_or(unnamed));
    }
}

coding accepted_codings::best() const noexcept {
    auto best = coding::zstd;
    for (const auto one : {coding::gzip, coding::identity})
        if (weights_[index(one)] > weights_[index(best)]) best = one;
    return takes(best) ? best : coding::identity;
}

std::string coded_tag(std::string_view tag, coding by) {
    if (by == coding::identity || !tag.starts_with('"') || tag.size() < 2) return std::string(tag);
    return std::string(tag.substr(0, tag.size() - 1)).append("-").append(coding_name(by)).append("\"");
}

std::pair<std::string, coding> plain_tag(std::string_view tag) {
    for (const auto by : {coding::gzip, coding::zstd}) {
        const auto suffix = std::string("-").append(coding_name(by)).append("\"");
        if (!tag.ends_with(suffix)) continue;
        return {std::string(tag.substr(0, tag.size() - suffix.size())) + '"', by};
    }
    return {std::string(tag), coding::identity};
}

}  // namespace bulkhead::http
