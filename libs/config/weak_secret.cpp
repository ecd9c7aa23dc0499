// SPDX-License-Identifier: Apache-2.0
#include "config/weak_secret.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string>

#include "base/text.hpp"

namespace bulkhead::config {
namespace {

// Words of the example files of frameworks and tutorials, without case and punctuation. Each is long enough
// that random base64 does not hold it by chance.
constexpr std::array<std::string_view, 24> example_words{
    "changeme",          "changethis",      "changeinproduction", "replaceme",        "replacethis",
    "yoursecret",        "yoursupersecret", "yourjwtsecret",      "yourrandomsecret", "supersecret",
    "mysecretkey",       "notsosecret",     "secretkeyhere",      "secrethere",       "insecure",
    "placeholder",       "keyboardcat",     "examplekey",         "examplesecret",    "donotuse",
    "developmentsecret", "devsecretkey",    "passwordpassword",   "atleast32"};

constexpr std::array<std::string_view, 8> whole_values{"secret",  "jwtsecret", "password", "test",
                                                       "example", "postgres",  "bulkhead", "admin"};

constexpr std::array<std::string_view, 4> sequences{"0123456789", "1234567890", "abcdefghijkl", "qwertyuiop"};

std::string bare(std::string_view text) {
    auto out = to_lower(text);
    std::erase_if(out, [](char c) { return !((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9')); });
    return out;
}

/// The whole is one shorter piece, written again and again; the last time perhaps not to its end.
bool repeats(std::string_view text) {
    for (std::size_t period = 1; period <= text.size() / 2; ++period)
        if (text.substr(period) == text.substr(0, text.size() - period)) return true;
    return false;
}

}  // namespace

std::string_view weakness(std::string_view secret) {
    constexpr std::size_t fewest_characters = 6;
    const auto word = bare(secret);
    const auto inside = [&](std::string_view known) { return word.find(known) != std::string::npos; };
    const auto in_front = [&](std::string_view known) { return word.starts_with(known); };
    if (std::ranges::any_of(example_words, inside) ||
        std::ranges::find(whole_values, word) != whole_values.end())
        return "is a known example value";
    if (std::ranges::any_of(sequences, in_front)) return "is a plain sequence";
    if (repeats(secret) || std::set(secret.begin(), secret.end()).size() < fewest_characters)
        return "repeats itself";
    return {};
}

}  // namespace bulkhead::config
