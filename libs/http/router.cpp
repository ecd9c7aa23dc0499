// SPDX-License-Identifier: Apache-2.0
#include "http/router.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <stdexcept>

#include "base/text.hpp"

namespace bulkhead::http {
namespace {

constexpr std::size_t max_segments = 16;

std::string_view name_of(verb method) {
    const auto text = boost::beast::http::to_string(method);
    return {text.data(), text.size()};
}

bool is_parameter(std::string_view segment) { return segment.starts_with('{'); }

/// The decoded segments of "/a/b": {"a", "b"}; of "/": {""}. nullopt: nothing that a route could match.
std::optional<std::vector<std::string>> segments_of(std::string_view path) {
    std::vector<std::string> out;
    if (!path.starts_with('/')) return std::nullopt;
    for (auto raw : split(path.substr(1), '/')) {
        if (out.size() == max_segments) return std::nullopt;
        auto decoded = percent_decode(raw, false);
        if (!decoded || *decoded == "." || *decoded == ".." || decoded->find('/') != std::string::npos ||
            decoded->find('\0') != std::string::npos || !is_utf8(*decoded))
            return std::nullopt;
        out.push_back(std::move(*decoded));
    }
    return out;
}

bool matches(const std::vector<std::string_view>& pattern, const std::vector<std::string>& path) {
    return std::ranges::equal(pattern, path, [](std::string_view expected, const std::string& actual) {
        return is_parameter(expected) ? !actual.empty() : expected == actual;
    });
}

std::string allow_header(std::vector<verb> methods) {
    if (std::ranges::find(methods, verb::get) != methods.end()) methods.push_back(verb::head);
    methods.push_back(verb::options);
    std::vector<std::string_view> names;
    for (auto m : methods) names.push_back(name_of(m));
    std::ranges::sort(names);
    names.erase(std::unique(names.begin(), names.end()),
                names.end());  // rows with and without parameters may match
    return fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

void router::add(route row) {
    for (const auto& other : rows_) {
        if (other.method == row.method && other.path == row.path)
            throw std::logic_error(
                fmt::format("route {} {} is mounted twice", name_of(row.method), row.path));
        if (other.texts.id == row.texts.id)
            throw std::logic_error(fmt::format("operation id {} is used twice", row.texts.id));
    }
    patterns_.push_back({split(row.path.substr(1), '/')});
    rows_.push_back(row);
}

router::match router::find(verb method, std::string_view path) const {
    match out;
    const auto segments = segments_of(path);
    if (!segments) return out;
    const auto wanted = method == verb::head ? verb::get : method;
    std::vector<verb> offered;
    for (std::size_t i = 0; i < rows_.size(); ++i) {
        const auto& expected = patterns_[i].segments;
        if (!matches(expected, *segments)) continue;
        offered.push_back(rows_[i].method);
        if (rows_[i].method != wanted) continue;
        out.found = &rows_[i];
        for (std::size_t s = 0, n = 0; s < expected.size() && n < out.parameters.size(); ++s)
            if (is_parameter(expected[s])) out.parameters[n++] = (*segments)[s];
        return out;
    }
    if (!offered.empty()) out.allow = allow_header(std::move(offered));
    return out;
}

}  // namespace bulkhead::http
