// SPDX-License-Identifier: Apache-2.0
#include "schema/password_text.hpp"

#include <fmt/format.h>

#include <optional>
#include <stdexcept>

namespace bulkhead::schema {
namespace {

std::optional<problem> check_size(std::size_t size) {
    if (size == 0) return problem{"too_short", "must not be empty"};
    if (size > password_text::max_size)
        return problem{"too_long", fmt::format("must have at most {} bytes", password_text::max_size)};
    return std::nullopt;
}

}  // namespace

password_text::password_text(secret value) : value_(std::move(value)) {
    if (auto broken = check_size(value_.size())) throw std::invalid_argument("a password " + broken->detail);
}

bool binding<password_text>::read(const json::value& in, const place& at, password_text& out) {
    const auto* text = expect_string(in, at);
    if (text == nullptr) return false;
    if (auto broken = check_size(text->size())) return at.refuse(std::move(*broken));
    out.value_ = secret(std::string(*text));
    return true;
}

json::object binding<password_text>::schema(components&, direction) {
    return {{"type", "string"}, {"format", "password"}, {"minLength", 8},
            {"maxLength", 256}, {"writeOnly", true},    {"examples", {"correct horse battery"}}};
}

}  // namespace bulkhead::schema
