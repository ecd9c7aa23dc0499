// SPDX-License-Identifier: Apache-2.0
// Reads arbitrary bytes as a stream of pipelined requests and stops the program when a promise of the readers
// is broken: pieces give the same result as the whole, views stay inside the buffer, accepted heads are
// sound, bodies are bounded. The first byte chooses how the stream is cut; one in sixteen streams is cut in
// two at every byte.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "http/body_reader.hpp"
#include "http/char_class.hpp"
#include "http/request_line.hpp"
#include "http/request_reader.hpp"

namespace {

using namespace bulkhead;
using namespace bulkhead::http;

constexpr std::uint64_t body_limit = 512;

void promise(bool kept, const char* what) {
    if (kept) return;
    std::fprintf(stderr, "broken: %s\n", what);
    std::abort();
}

/// Everything a stream was understood as, in one comparable text.
struct transcript {
    std::string text;
    void note(std::string_view part) { text.append(part).append(1, '\n'); }
};

/// Bounds that small inputs reach, too.
limits small_limits() {
    limits bounds;
    bounds.request_line = 128;
    bounds.header_section = 512;
    bounds.header_count = 12;
    bounds.chunk_line = 32;
    bounds.chunk_extensions_total = 64;
    bounds.trailer_section = 64;
    bounds.trailer_count = 3;
    return bounds;
}

void check_inside(std::string_view view, std::string_view buffer) {
    if (view.empty()) return;
    promise(view.data() >= buffer.data() && view.data() + view.size() <= buffer.data() + buffer.size(),
            "views lie inside the buffer");
}

void check_header(const header& line, std::string_view buffer) {
    check_inside(line.name, buffer);
    check_inside(line.value, buffer);
    promise(is_token(line.name), "a header name is a token");
    for (char c : line.value)
        promise(c == '\t' || (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f), "no control in a value");
    promise(line.value.empty() || (!is_blank(line.value.front()) && !is_blank(line.value.back())),
            "values are trimmed");
}

void check_head(const request_head& head, std::string_view buffer) {
    std::size_t hosts = 0, lengths = 0, codings = 0;
    for (const auto& line : head.headers()) {
        check_header(line, buffer);
        hosts += iequals(line.name, "Host");
        lengths += iequals(line.name, "Content-Length");
        codings += iequals(line.name, "Transfer-Encoding");
    }
    for (const auto& view : {head.method_text, head.target, head.path, head.query, head.host})
        check_inside(view, buffer);
    promise(hosts == 1 || (hosts == 0 && head.version_minor == 0), "exactly one Host");
    promise(head.host.empty() ? head.version_minor == 0 : is_authority(head.host),
            "the host is an authority");
    promise(lengths + codings <= 1, "one framing header at most");
    promise(head.content_length.has_value() == (lengths == 1), "Content-Length is never overlooked");
    promise(head.chunked == (codings == 1), "Transfer-Encoding is never overlooked");
    promise(head.method != verb::unknown, "the method is known");
    promise(head.asterisk ? head.path == "*" && head.method == verb::options : head.path.starts_with('/'),
            "the path is absolute");
    for (char c : head.target) promise(c > 0x20 && c < 0x7f && c != '#', "the target is visible ASCII");
}

/// One connection that receives `first` bytes, then `step` more at a time; each head is read from a buffer of
/// its own.
class connection {
public:
    connection(std::string_view wire, std::size_t first, std::size_t step)
        : wire_(wire), first_(first), step_(step) {}

    std::string run() {
        while (read_head() && read_body()) log_.note("next");
        return std::move(log_.text);
    }

private:
    bool refused(const read_outcome& seen) {
        log_.note(seen.why.detail);
        promise(!seen.why.detail.empty(), "a refusal says why");
        return false;
    }

    /// The size of the next piece: where the first one ends is counted from the begin of the stream.
    std::size_t next_piece(std::size_t from) {
        const auto place = read_ + from;
        return place < first_ ? first_ - place : step_;
    }
    void drop(std::size_t count) {
        wire_.remove_prefix(count);
        read_ += count;
    }

    bool read_head() {
        std::size_t size = 0;
        for (;;) {
            size = std::min(size + next_piece(size), wire_.size());
            const std::vector<char> copy(wire_.begin(), wire_.begin() + static_cast<std::ptrdiff_t>(size));
            const std::string_view buffer(copy.data(), copy.size());
            const auto seen = reader_.read_head(buffer, head_);
            if (seen.state == progress::refused) return refused(seen);
            if (seen.state == progress::need_more && size == wire_.size()) return false;
            if (seen.state == progress::need_more) continue;
            promise(seen.consumed > 0 && seen.consumed <= size, "a head consumes what it got");
            check_head(head_, buffer.substr(0, seen.consumed));
            describe_head();
            drop(seen.consumed);
            return true;
        }
    }

    void describe_head() {
        log_.note(head_.method_text);
        log_.note(head_.path);
        log_.note(head_.query);
        log_.note(head_.host);
        for (const auto& line : head_.headers())
            log_.note(std::string(line.name) + ":" + std::string(line.value));
        log_.note(head_.keep_alive ? "keep" : "close");
        log_.note(head_.expect_continue ? "expect" : "-");
    }

    bool read_body() {
        std::string body;
        body_reader bodies(head_, bounds_, body_limit);
        auto seen = bodies.read({}, body);
        while (seen.state == progress::need_more && !wire_.empty()) {
            const std::string piece(wire_.substr(0, next_piece(0)));
            seen = bodies.read(piece, body);
            promise(seen.consumed <= piece.size(), "a body consumes what it got");
            promise(seen.state != progress::need_more || seen.consumed == piece.size(), "or all of it");
            promise(body.size() <= body_limit, "a body is bounded");
            drop(seen.consumed);
        }
        log_.note(body);
        if (seen.state == progress::refused) return refused(seen);
        promise(seen.state != progress::complete || head_.chunked ||
                    body.size() == head_.content_length.value_or(0),
                "a body has its announced length");
        return seen.state == progress::complete;
    }

    std::string_view wire_;
    std::size_t first_, step_, read_ = 0;
    limits bounds_ = small_limits();
    request_reader reader_{bounds_};
    request_head head_;
    transcript log_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view wire(reinterpret_cast<const char*>(data) + 1, size - 1);
    const auto whole = connection(wire, 0, wire.size() + 1).run();
    promise(connection(wire, 0, 1 + data[0] % 16).run() == whole, "pieces give the same result as the whole");
    if (data[0] / 16 == 0)
        for (std::size_t at = 1; at < wire.size(); ++at)
            promise(connection(wire, at, wire.size()).run() == whole, "so do two pieces");
    return 0;
}
