// SPDX-License-Identifier: Apache-2.0
// Reads arbitrary bytes as a chunked body, or as one of a known length, and stops the program when a promise
// of body_reader is broken: pieces give the same result as the whole, nothing grows beyond the limit, and
// what is accepted is what a simple decoder makes of the same bytes. The first byte chooses the form and the
// limit.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>

#include "http/body_reader.hpp"

namespace {

using namespace bulkhead::http;

void promise(bool kept, const char* what) {
    if (kept) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

struct reading {
    progress state = progress::need_more;
    std::string body{};
    std::string_view reason{};
    std::size_t consumed = 0;
    bool operator==(const reading&) const = default;
};

/// Gives `first` bytes to the reader, then `step` at a time.
reading read(const request_head& head, std::string_view input, std::size_t limit, std::size_t first,
             std::size_t step) {
    limits bounds;
    bounds.chunk_line = 24;
    bounds.chunk_extensions_total = 48;
    bounds.trailer_section = 64;
    bounds.trailer_count = 3;
    body_reader reader(head, bounds, limit);
    reading out;
    auto seen = reader.read({}, out.body);
    while (seen.state == progress::need_more && out.consumed < input.size()) {
        const auto size = out.consumed < first ? first - out.consumed : step;
        const std::string piece(input.substr(out.consumed, size));  // its own memory, for the sanitizers
        seen = reader.read(piece, out.body);
        promise(seen.consumed <= piece.size(), "a reader consumes what it got");
        promise(seen.state != progress::need_more || seen.consumed == piece.size(), "or all of it");
        promise(out.body.size() <= limit, "a body is bounded");
        out.consumed += seen.consumed;
    }
    promise((seen.state == progress::refused) == !seen.why.detail.empty(),
            "a refusal, and only it, says why");
    out.state = seen.state;
    out.reason = seen.why.detail;
    return out;
}

/// What a body that is well-formed decodes to, and how long it is. Only looks where sizes and line ends are.
struct decoded {
    std::string body{};
    std::size_t size = 0;
};

std::optional<decoded> decode_simply(std::string_view input) {
    decoded out;
    for (;;) {
        const auto line_end = input.find("\r\n", out.size);
        if (line_end == std::string_view::npos) return std::nullopt;
        const std::string line(input.substr(out.size, line_end - out.size));
        const auto count = std::strtoull(line.c_str(), nullptr, 16);
        out.size = line_end + 2;
        if (count == 0) break;
        if (count > input.size() || out.size + count + 2 > input.size()) return std::nullopt;
        out.body += input.substr(out.size, count);
        out.size += count + 2;
    }
    for (;;) {  // trailers
        const auto line_end = input.find("\r\n", out.size);
        if (line_end == std::string_view::npos) return std::nullopt;
        const bool last = line_end == out.size;
        out.size = line_end + 2;
        if (last) return out;
    }
}

void check_complete(const request_head& head, std::string_view input, const reading& whole) {
    if (!head.chunked) {
        promise(whole.body == input.substr(0, *head.content_length),
                "a body of known length is what was sent");
        return;
    }
    const auto expected = decode_simply(input);
    promise(expected.has_value(), "a body that is accepted ends");
    promise(expected->body == whole.body, "it decodes to its chunks");
    promise(expected->size == whole.consumed, "it ends where it ends");
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
    request_head head;
    head.chunked = data[0] % 8 != 0;
    if (!head.chunked) head.content_length = data[0] / 8;
    const std::size_t limit = data[0] % 8 < 2 ? 8 : 512;
    const auto whole = read(head, input, limit, 0, input.size() + 1);
    if (whole.state == progress::complete) check_complete(head, input, whole);
    promise(read(head, input, limit, 0, 1) == whole, "byte by byte gives the same result as the whole");
    if (data[0] / 8 % 4 == 0)
        for (std::size_t at = 1; at < input.size(); ++at)
            promise(read(head, input, limit, at, input.size()) == whole, "so do two pieces");
    return 0;
}
