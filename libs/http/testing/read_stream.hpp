// SPDX-License-Identifier: Apache-2.0
// Reads bytes as a connection would, without sockets: heads and bodies one after another until a request is
// refused, the connection would be closed, or bytes are missing. Pure; one thread.
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "http/body_reader.hpp"
#include "http/limits.hpp"
#include "http/request_reader.hpp"

namespace bulkhead::http::testing {

struct read_request {
    std::string method{}, target{}, path{}, query{}, host{}, body{};
    std::vector<std::pair<std::string, std::string>> lines{};
    unsigned version_minor = 1;
    bool keep_alive = true, chunked = false, expects = false;
    bool operator==(const read_request&) const = default;
};

enum class stream_end {
    clean,       // nothing is left
    unfinished,  // of a head or a body; the body's request is not in the list
    refused,
    closed,  // the last request asked for it; what follows is not read
};

struct read_stream_result {
    std::vector<read_request> requests{};
    stream_end end = stream_end::clean;
    unsigned refused_with = 0;  // a status
    std::string_view reason{};  // of the refusal
    std::size_t left = 0;       // bytes that no request used
    bool operator==(const read_stream_result&) const = default;
};

/// Feeds `wire` in pieces of `step` bytes, each time at a new address.
class stream_reader {
public:
    stream_reader(std::string_view wire, std::size_t step, const limits& bounds, std::uint64_t body_limit)
        : wire_(wire), step_(step), bounds_(bounds), body_limit_(body_limit), heads_(bounds) {}

    read_stream_result run() {
        while (!wire_.empty() && read_one()) {
        }
        out_.left = wire_.size();
        return std::move(out_);
    }

private:
    bool read_one() {
        if (!read_head() || !read_body()) return false;
        const bool more = head_.keep_alive;
        out_.requests.push_back(std::exchange(request_, {}));
        if (!more) out_.end = stream_end::closed;
        return more;
    }

    bool stop(const read_outcome& seen) {
        out_.end = seen.state == progress::refused ? stream_end::refused : stream_end::unfinished;
        if (seen.state == progress::refused) {
            out_.refused_with = describe(seen.why.code).status;
            out_.reason = seen.why.detail;
        }
        return false;
    }

    bool read_head() {
        heads_.reset();
        read_outcome seen;
        for (std::size_t size = 0; seen.state == progress::need_more && size < wire_.size();) {
            size = std::min(size + step_, wire_.size());
            const std::vector<char> copy(wire_.begin(), wire_.begin() + static_cast<std::ptrdiff_t>(size));
            seen = heads_.read_head({copy.data(), copy.size()}, head_);
            if (seen.state == progress::complete) keep_head();
        }
        if (seen.state != progress::complete) return stop(seen);
        wire_.remove_prefix(seen.consumed);
        return true;
    }

    void keep_head() {
        request_ = {.method = std::string(head_.method_text),
                    .target = std::string(head_.target),
                    .path = std::string(head_.path),
                    .query = std::string(head_.query),
                    .host = std::string(head_.host),
                    .version_minor = head_.version_minor,
                    .keep_alive = head_.keep_alive,
                    .chunked = head_.chunked,
                    .expects = head_.expect_continue};
        for (const auto& line : head_.headers())
            request_.lines.emplace_back(std::string(line.name), std::string(line.value));
    }

    bool read_body() {
        body_reader bodies(head_, bounds_, body_limit_);
        auto seen = bodies.read({}, request_.body);
        while (seen.state == progress::need_more && !wire_.empty()) {
            const std::string piece(wire_.substr(0, step_));
            seen = bodies.read(piece, request_.body);
            wire_.remove_prefix(seen.consumed);
        }
        return seen.state == progress::complete || stop(seen);
    }

    std::string_view wire_;
    std::size_t step_;
    const limits& bounds_;
    std::uint64_t body_limit_;
    request_reader heads_;
    request_head head_;
    read_request request_;
    read_stream_result out_;
};

inline read_stream_result read_stream(std::string_view wire, std::size_t step, const limits& bounds,
                                      std::uint64_t body_limit) {
    return stream_reader(wire, step, bounds, body_limit).run();
}

}  // namespace bulkhead::http::testing
