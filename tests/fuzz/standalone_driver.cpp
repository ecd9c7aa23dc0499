// SPDX-License-Identifier: Apache-2.0
// Runs a fuzz target without libFuzzer: files given as arguments once each, then a fixed number of inputs
// made from a fixed seed (random bytes and mutations of text that such parsers meet). A failure prints its
// input.
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr int rounds = 20'000;

// The first byte of a request or body tells its target how to read the rest.
const std::vector<std::string> seeds{
    "\x13GET /api/tasks?limit=20 HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x.y.z\r\n\r\n",
    "\x03POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nT: v\r\n\r\n",
    "\x02POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\nhello",
    "c5;a=b; c = \"d\"\r\nhello\r\n1 ;e\r\n!\r\n0\r\nT: v\r\nU:\r\n\r\nGET / HTTP/1.1\r\n",
    R"({"title":"a","description":"b\u00e4\ud83d\ude00","completed":true,"priority":"high","due_at":"2026-01-31T09:30:00Z"})",
    R"([1,-2,3.5e10,null,true,{"a":{"b":[]}}])",
    "eyJhbGciOiJIUzI1NiIsInR5cCI6ImF0K2p3dCIsImtpZCI6ImEifQ.eyJzdWIiOiJhIn0.c2lnbmF0dXJl"};

std::string current;

/// A sanitizer or an assertion ends the process: show what it was given.
void show_input() {
    std::fputs("input (hex): ", stderr);
    for (unsigned char c : current) std::fprintf(stderr, "%02x", c);
    std::fputc('\n', stderr);
}

extern "C" void on_abort(int) {
    show_input();
    std::_Exit(1);
}

void run(std::string input) {
    current = std::move(input);
    LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(current.data()), current.size());
}

std::string mutate(std::mt19937& random, std::string text) {
    const auto edits = 1 + random() % 4;
    for (unsigned i = 0; i < edits && !text.empty(); ++i) {
        const auto at = random() % text.size();
        switch (random() % 4) {
            case 0: text[at] = static_cast<char>(random()); break;
            case 1: text.insert(at, 1, static_cast<char>(random())); break;
            case 2: text.erase(at, 1 + random() % 4); break;
            default: text.insert(at, text.substr(random() % text.size(), random() % 32));
        }
    }
    return text;
}

std::string noise(std::mt19937& random) {
    std::string out(random() % 200, '\0');
    for (auto& c : out) c = static_cast<char>(random());
    return out;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGABRT, on_abort);
    for (int i = 1; i < argc; ++i) {
        std::ifstream file(argv[i], std::ios::binary);
        run({std::istreambuf_iterator<char>(file), {}});
    }
    std::mt19937 random(20260101);
    for (const auto& seed : seeds) run(seed);
    for (int i = 0; i < rounds; ++i)
        run(i % 4 == 0 ? noise(random) : mutate(random, seeds[random() % seeds.size()]));
    std::printf("%d inputs\n", rounds);
}
