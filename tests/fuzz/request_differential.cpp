// SPDX-License-Identifier: Apache-2.0
// Reads the same bytes with our reader and with node's llhttp, which was written by others for the same RFCs.
// Where the two part, known_differences() must say why; anything else fails. Inputs are the strictness
// tables, the mutations and random edits of both, made from a seed.
//   BULKHEAD_DIFFERENTIAL_CASES  how many, 20000 unless given
//   BULKHEAD_DIFFERENTIAL_SEED   another seed
#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/encoding.hpp"
#include "base/json.hpp"
#include "differential.hpp"
#include "http/testing/mutations.hpp"
#include "http/testing/strictness_cases.hpp"

namespace {

using namespace bulkhead;
using namespace bulkhead::http::testing;
using fuzz::second_reading;

constexpr std::uint64_t body_limit = 1 << 20;
constexpr std::size_t batch_size = 20'000;

std::size_t number_from(const char* name, std::size_t otherwise) {
    const char* text = std::getenv(name);
    return text ? std::strtoull(text, nullptr, 10) : otherwise;
}

/// A folder that goes away.
class scratch {
public:
    scratch() {
        auto pattern = (std::filesystem::temp_directory_path() / "differential-XXXXXX").string();
        if (!mkdtemp(pattern.data())) throw std::runtime_error("cannot make a temporary folder");
        path_ = pattern;
    }
    ~scratch() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    [[nodiscard]] std::string file(std::string_view name) const { return path_ / name; }

private:
    std::filesystem::path path_;
};

class generator {
public:
    explicit generator(unsigned seed) : random_(seed) {
        for (const auto& each : strictness_cases())
            if (each.bytes.size() < 1000) seeds_.push_back(each.bytes);
        table_ = seeds_.size();
        for (const auto& family : families_) seeds_.push_back(mutation{&family, family.line}.wire());
    }

    /// First each row of the tables as it is, then whatever comes.
    std::string next() {
        if (made_ < table_) return seeds_[made_++] + after_request;
        ++made_;
        if (random_() % 4 == 0) return random_mutation(families_[pick(families_.size())], random_).wire();
        auto text = seeds_[pick(seeds_.size())];
        if (random_() % 8 == 0) text += seeds_[pick(seeds_.size())];
        const auto edits = 1 + pick(3);
        for (std::size_t i = 0; i < edits && !text.empty(); ++i) edit(text);
        return text + after_request;
    }

private:
    std::size_t pick(std::size_t count) { return random_() % count; }

    void edit(std::string& text) {
        static const std::vector<std::string> pieces{"\r\n",
                                                     "\r",
                                                     "\n",
                                                     " ",
                                                     "\t",
                                                     ":",
                                                     ";",
                                                     ",",
                                                     "=",
                                                     "\"",
                                                     "0",
                                                     "1",
                                                     "%",
                                                     "/",
                                                     "?",
                                                     "*",
                                                     "HTTP/1.1",
                                                     "Host: b\r\n",
                                                     "Content-Length: 3\r\n",
                                                     "Transfer-Encoding: chunked\r\n",
                                                     "Connection: close\r\n",
                                                     "Connection: keep-alive\r\n",
                                                     "Expect: 100-continue\r\n",
                                                     "\r\n\r\n",
                                                     "0\r\n\r\n"};
        const auto at = pick(text.size());
        switch (pick(6)) {
            case 0: text[at] = static_cast<char>(random_()); break;
            case 1: text.insert(at, 1, static_cast<char>(random_())); break;
            case 2: text.erase(at, 1 + pick(4)); break;
            case 3: text.insert(at, text.substr(pick(text.size()), pick(32))); break;
            case 4: text[at] = static_cast<char>(text[at] ^ 0x20); break;
            default: text.insert(at, pieces[pick(pieces.size())]);
        }
    }

    std::mt19937 random_;
    const std::vector<mutation_family> families_ = mutation_families();
    std::vector<std::string> seeds_;
    std::size_t table_ = 0, made_ = 0;
};

std::string unhex(const json::value& text) {
    const auto decoded = bulkhead::from_hex(text.as_string());
    if (!decoded) throw std::runtime_error("node writes no hexadecimal");
    return *decoded;
}

read_request to_request(const json::value& told) {
    read_request out;
    out.method = std::string(told.at("method").as_string());
    out.target = unhex(told.at("target"));
    out.body = unhex(told.at("body"));
    const auto major = static_cast<unsigned>(told.at("major").as_int64());
    out.version_minor = static_cast<unsigned>(told.at("minor").as_int64());
    if (major != 1) out.version_minor += 10 * (major + 1);  // none of HTTP/1
    out.keep_alive = told.at("keep_alive").as_bool();
    const auto& lines = told.at("lines").as_array();
    for (std::size_t i = 0; i + 1 < lines.size(); i += 2)
        out.lines.emplace_back(unhex(lines[i]), unhex(lines[i + 1]));
    return out;
}

second_reading to_reading(std::string_view line) {
    const auto told = parse_json(line, {.members = 100});
    if (!told) throw std::runtime_error("node writes no JSON: " + std::string(line.substr(0, 200)));
    second_reading out;
    for (const auto& each : told->at("requests").as_array()) out.requests.push_back(to_request(each));
    if (told->at("error").is_string()) out.error = std::string(told->at("error").as_string());
    out.upgraded = told->at("upgraded").as_bool();
    return out;
}

/// What llhttp makes of each of `inputs`.
std::vector<second_reading> ask_node(const std::vector<std::string>& inputs) {
    const scratch folder;
    const auto asked = folder.file("asked"), told = folder.file("told");
    {
        std::ofstream out(asked);
        for (const auto& each : inputs) out << to_hex(each) << '\n';
    }
    const auto command = "node '" BULKHEAD_LLHTTP_VERDICTS "' <'" + asked + "' >'" + told + "'";
    if (std::system(command.c_str()) != 0)
        throw std::runtime_error("node failed; it is in the package nodejs");
    std::vector<second_reading> out;
    std::ifstream lines(told);
    for (std::string line; std::getline(lines, line);) out.push_back(to_reading(line));
    if (out.size() != inputs.size()) throw std::runtime_error("node did not answer everything");
    return out;
}

std::string shown(std::string_view text) {
    std::string out;
    for (unsigned char c : text) {
        if (c == '\r' || c == '\n') {
            out += c == '\r' ? "\\r" : "\\n";
        } else if (c < 0x20 || c >= 0x7f || c == '\\') {
            out += "\\x" + to_hex(std::string(1, static_cast<char>(c)));
        } else {
            out += static_cast<char>(c);
        }
    }
    return out;
}

void describe_unexplained(const fuzz::difference& seen) {
    constexpr std::array kinds{"we refuse",   "it refuses",      "only it ends",    "only we end",
                               "the meaning", "we refuse early", "it refuses early"};
    std::printf(
        "UNEXPLAINED (%s, request %zu): ours %zu requests, end %d, %u \"%s\"; theirs %zu requests, "
        "\"%s\"%s\n  %s\n",
        kinds[static_cast<std::size_t>(seen.kind)], seen.at, seen.ours.requests.size(),
        static_cast<int>(seen.ours.end), seen.ours.refused_with, std::string(seen.ours.reason).c_str(),
        seen.theirs.requests.size(), seen.theirs.error.c_str(), seen.theirs.upgraded ? " upgraded" : "",
        shown(seen.bytes).c_str());
}

struct tally {
    std::size_t cases = 0, agreed = 0, unexplained = 0;
    std::map<std::string_view, std::size_t> by_reason{};
};

void compare(const std::vector<std::string>& inputs, tally& count) {
    const http::limits bounds;
    const auto theirs = ask_node(inputs);
    for (std::size_t i = 0; i < inputs.size(); ++i) {
        ++count.cases;
        const auto ours = read_stream(inputs[i], 1 << 20, bounds, body_limit);
        const auto seen = fuzz::first_difference(inputs[i], ours, theirs[i]);
        if (!seen) {
            ++count.agreed;
            continue;
        }
        const auto reasons = fuzz::known_differences();
        const auto reason =
            std::ranges::find_if(reasons, [&](const auto& each) { return each.explains(*seen); });
        if (reason != reasons.end()) {
            ++count.by_reason[reason->name];
        } else if (++count.unexplained <= 20) {
            describe_unexplained(*seen);
        }
    }
}

}  // namespace

int main() try {
    const auto wanted = number_from("BULKHEAD_DIFFERENTIAL_CASES", 20'000);
    generator inputs(static_cast<unsigned>(number_from("BULKHEAD_DIFFERENTIAL_SEED", 20261121)));
    tally count;
    while (count.cases < wanted) {
        std::vector<std::string> batch;
        while (batch.size() < std::min(batch_size, wanted - count.cases)) batch.push_back(inputs.next());
        compare(batch, count);
    }
    std::printf("%zu inputs, %zu read alike\n", count.cases, count.agreed);
    for (const auto& each : fuzz::known_differences())
        std::printf("%8zu  %s\n", count.by_reason[each.name], std::string(each.name).c_str());
    std::printf("%8zu  unexplained\n", count.unexplained);
    return count.unexplained == 0 ? 0 : 1;
} catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
}
