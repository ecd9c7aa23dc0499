// SPDX-License-Identifier: Apache-2.0
#include "http/secret_answers.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <stdexcept>

#include "base/text.hpp"

namespace bulkhead::http {
namespace {

bool names_a_secret(std::string_view member) {
    constexpr std::array<std::string_view, 8> parts{"token",       "secret",  "password", "passphrase",
                                                    "private_key", "api_key", "recovery", "credential"};
    const auto lower = to_lower(member);
    return lower == "key" ||
           std::ranges::any_of(parts, [&](auto part) { return lower.find(part) != lower.npos; });
}

/// Follows a schema through its references and looks at the names of all members.
class search {
public:
    explicit search(schema::components& shared) : shared_(shared) {}

    bool finds_secret(const json::value& where) {
        if (where.is_array())
            return std::ranges::any_of(where.as_array(),
                                       [&](const auto& each) { return finds_secret(each); });
        if (!where.is_object()) return false;
        return std::ranges::any_of(
            where.as_object(), [&](const auto& member) { return in_member(member.key(), member.value()); });
    }

private:
    bool in_member(std::string_view name, const json::value& value) {
        if (name == "$ref") return in_component(value.as_string());
        if (name == "properties" && value.is_object() &&
            std::ranges::any_of(value.as_object(),
                                [](const auto& each) { return names_a_secret(each.key()); }))
            return true;
        return finds_secret(value);
    }

    bool in_component(std::string_view reference) {
        const auto name = reference.substr(reference.rfind('/') + 1);
        if (!seen_.emplace(name).second) return false;
        const auto* found = shared_.schemas.if_contains(name);
        return found && finds_secret(*found);
    }

    schema::components& shared_;
    std::set<std::string, std::less<>> seen_;
};

bool tells_a_secret(const route& row) {
    schema::components components;
    operation op(components);
    row.document(op);
    const auto described = op.take();
    search all(components);
    for (const auto& answer : described.at("responses").as_object())
        if (std::string_view(answer.key()).starts_with('2') && all.finds_secret(answer.value())) return true;
    return false;
}

}  // namespace

std::vector<std::string_view> compressible_secrets(const router& routes) {
    std::vector<std::string_view> out;
    for (const auto& row : routes.rows())
        if (row.texts.compress && tells_a_secret(row)) out.push_back(row.texts.id);
    return out;
}

void require_secrets_uncompressed(const router& routes) {
    std::string names;
    for (const auto id : compressible_secrets(routes)) names.append(" ").append(id);
    if (!names.empty())
        throw std::logic_error("these answer with a secret and lack .compress = false:" + names);
}

}  // namespace bulkhead::http
