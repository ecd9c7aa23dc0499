// SPDX-License-Identifier: Apache-2.0
#include "http/compression.hpp"

#include <zlib.h>
#include <zstd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/describe.hpp>
#include <deque>
#include <latch>

#include "base/testing/catch.hpp"
#include "http/compression_codec.hpp"
#include "http/endpoint.hpp"
#include "http/request_reader.hpp"
#include "http/secret_answers.hpp"

using namespace bulkhead;
using namespace bulkhead::http;

namespace {

std::string expand(std::string_view coded, coding how) {
    std::string out(8 << 20, '\0');
    if (how == coding::zstd) {
        out.resize(ZSTD_decompress(out.data(), out.size(), coded.data(), coded.size()));
        return out;
    }
    z_stream stream{};
    REQUIRE(inflateInit2(&stream, 31) == Z_OK);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(coded.data()));
    stream.avail_in = static_cast<uInt>(coded.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    REQUIRE(inflate(&stream, Z_FINISH) == Z_STREAM_END);
    out.resize(stream.total_out);
    inflateEnd(&stream);
    return out;
}

std::string text_of(std::size_t size) {
    std::string out;
    for (std::size_t i = 0; out.size() < size; ++i) out += "{\"number\":" + std::to_string(i * i) + "},";
    out.resize(size);
    return out;
}

std::string header_of(const response& answer, std::string_view name) {
    for (const auto& [key, value] : answer.headers)
        if (key == name) return value;
    return "";
}

void rethrow(std::exception_ptr failure) {
    if (failure) std::rethrow_exception(failure);
}

/// The stage with threads of its own.
class stage {
public:
    explicit stage(std::size_t queue = 8)
        : threads_("compress", 1, queue), compression_(threads_, registry_) {}

    /// `answer` as it leaves when a request has these header lines.
    response sent(response answer, std::string_view lines, const route* row = nullptr) {
        const limits bounds;
        const auto text = "GET / HTTP/1.1\r\nHost: x\r\n" + std::string(lines) + "\r\n";
        request_head head;
        REQUIRE(request_reader(bounds).read_head(text, head).state == progress::complete);
        const services nothing;
        exchange x(head, nothing, "r1", {}, runtime::deadline::in(std::chrono::seconds{1}));
        if (row) x.set_row(*row);
        const auto left = compression_.encode(x, answer);
        if (left == coding::identity) return answer;
        ++elsewhere_;
        auto& context = new_context();
        net::co_spawn(context, compression_.encode_elsewhere(left, answer), &rethrow);
        context.run();
        return answer;
    }
    response sent(response answer) { return sent(std::move(answer), "Accept-Encoding: gzip\r\n"); }

    [[nodiscard]] int elsewhere() const { return elsewhere_; }
    [[nodiscard]] std::string metrics() const { return registry_.render(); }
    runtime::blocking_pool& threads() { return threads_; }
    net::io_context& new_context() { return contexts_.emplace_back(1); }

private:
    std::deque<net::io_context> contexts_;  // outlive the threads, which come back to them
    metrics::registry registry_;
    runtime::blocking_pool threads_;
    compression compression_;
    int elsewhere_ = 0;
};

struct key_answer {
    std::string access_token;
};
BOOST_DESCRIBE_STRUCT(key_answer, (), (access_token))
struct nested_answer {
    std::vector<key_answer> items;
};
BOOST_DESCRIBE_STRUCT(nested_answer, (), (items))
struct plain_answer {
    std::string title;
    std::optional<std::string> next_cursor;
};
BOOST_DESCRIBE_STRUCT(plain_answer, (), (title, next_cursor))

awaitable<result<key_answer>> give_key(exchange&) { co_return key_answer{}; }
awaitable<result<created<nested_answer>>> give_keys(exchange&) { co_return created<nested_answer>{}; }
awaitable<result<plain_answer>> give_title(exchange&) { co_return plain_answer{}; }

}  // namespace

TEST_CASE("compression: what is compressed is what it was", "[http]") {
    for (const auto how : {coding::gzip, coding::zstd})
        for (const auto care : {effort::quick, effort::thorough})
            for (const std::size_t size : {1UL, 1000UL, 70'000UL, 1'500'000UL}) {
                const auto text = text_of(size);
                CHECK(expand(compress(text, how, care), how) == text);
                CHECK(expand(compress(text, how, care), how) == text);  // the kept memory is clean
            }
}

TEST_CASE("compression: large enough text, for who takes it", "[http]") {
    stage s;
    const auto text = text_of(5000);
    const auto coded = s.sent({.body = text});
    CHECK(header_of(coded, "Content-Encoding") == "gzip");
    CHECK(header_of(coded, "Vary") == "Accept-Encoding");
    CHECK(coded.body.size() < text.size() / 2);
    CHECK(expand(coded.body, coding::gzip) == text);

    const auto plain = s.sent({.body = text}, "");
    CHECK(plain.body == text);
    CHECK(header_of(plain, "Content-Encoding").empty());
    CHECK(header_of(plain, "Vary") == "Accept-Encoding");  // the choice mattered

    CHECK(header_of(s.sent({.body = text}, "Accept-Encoding: zstd, gzip\r\n"), "Content-Encoding") == "zstd");
    CHECK(header_of(s.sent({.body = text_of(compression::smallest - 1)}), "Content-Encoding").empty());
    CHECK(header_of(s.sent({.body = text_of(compression::smallest)}), "Content-Encoding") == "gzip");
    const auto forced = s.sent({.body = "{}"}, "Accept-Encoding: gzip, identity;q=0\r\n");
    CHECK(expand(forced.body, coding::gzip) == "{}");
    CHECK(s.elsewhere() == 0);
    const auto counted = s.metrics();
    CHECK(counted.find(R"(bulkhead_compression_bytes_total{coding="gzip",direction="in"} 6026)") !=
          counted.npos);
}

TEST_CASE("compression: what is left as it is", "[http]") {
    stage s;
    const auto text = text_of(5000);
    for (auto answer : {response{.content_type = "image/png", .body = text},
                        response{.code = status::partial_content, .body = text},
                        response{.code = status::no_content}, response{.body = ""}}) {
        const auto left = s.sent(answer);
        CHECK(left.body == answer.body);
        CHECK(left.headers.empty());
    }
    const route secret{.texts = {.id = "x", .summary = "", .tag = "", .compress = false}};
    const auto told = s.sent({.body = text}, "Accept-Encoding: gzip\r\n", &secret);
    CHECK(told.body == text);
    CHECK(told.headers.empty());
    for (const auto* type : {"text/html; charset=utf-8", "text/javascript", "application/problem+json"})
        CHECK(header_of(s.sent({.content_type = type, .body = text}), "Content-Encoding") == "gzip");
}

TEST_CASE("compression: large answers go to the threads, and as they are when these are busy", "[http]") {
    const auto text = text_of(200'000);
    stage s(1);
    CHECK(expand(s.sent({.body = text}).body, coding::gzip) == text);
    CHECK(s.elsewhere() == 1);

    std::latch busy(1), go_on(1);
    auto& context = s.new_context();
    const auto block = [&] {
        busy.count_down();
        go_on.wait();
        return 0;
    };
    const auto wait = [&](auto work) -> awaitable<void> { (void)co_await s.threads().run(work); };
    net::co_spawn(context, wait(block), &rethrow);
    context.poll();
    busy.wait();
    net::co_spawn(context, wait([] { return 0; }), &rethrow);  // fills the queue
    context.poll();
    const auto left = s.sent({.body = text});
    CHECK(left.body == text);
    CHECK(header_of(left, "Content-Encoding").empty());
    CHECK(s.metrics().find("bulkhead_compression_skipped_total 1\n") != std::string::npos);
    go_on.count_down();
    context.run();
}

TEST_CASE("compression: static bytes are compressed once", "[http]") {
    stage s;
    static const auto text = text_of(50'000);
    const response file{.content_type = "text/css", .static_body = text};
    const auto first = s.sent(file), second = s.sent(file);
    CHECK(s.elsewhere() == 1);
    CHECK(expand(first.static_body, coding::gzip) == text);
    CHECK(first.static_body.data() == second.static_body.data());
    CHECK(header_of(second, "Content-Encoding") == "gzip");
    CHECK(header_of(s.sent(file, "Accept-Encoding: zstd\r\n"), "Content-Encoding") == "zstd");
    CHECK(s.elsewhere() == 2);
}

TEST_CASE("compression: entity tags", "[http]") {
    stage s;
    const auto tag_of = [&](response answer, std::string_view lines, const char* tag = "\"5\"") {
        return header_of(s.sent(std::move(answer.header("ETag", tag)), lines), "ETag");
    };
    const auto text = text_of(5000);
    CHECK(tag_of({.body = text}, "Accept-Encoding: gzip\r\n") == "\"5-gzip\"");
    CHECK(tag_of({.body = text}, "") == "\"5\"");
    CHECK(tag_of({.body = text}, "Accept-Encoding: gzip\r\n", "W/\"5\"") == "W/\"5\"");
    const response same{.code = status::not_modified};
    CHECK(tag_of(same, "Accept-Encoding: gzip\r\nIf-None-Match: \"5-gzip\"\r\n") == "\"5-gzip\"");
    CHECK(tag_of(same, "Accept-Encoding: gzip, zstd\r\nIf-None-Match: \"5-gzip\"\r\n") == "\"5-gzip\"");
    CHECK(tag_of(same, "Accept-Encoding: gzip\r\nIf-None-Match: \"5\"\r\n") == "\"5\"");
    CHECK(tag_of(same, "Accept-Encoding: gzip\r\nIf-None-Match: *\r\n") == "\"5\"");
    CHECK(tag_of(same, "If-None-Match: \"5-gzip\", \"5\"\r\n") == "\"5\"");
}

TEST_CASE("compression: a route that answers with a secret has to say so", "[http]") {
    router sound, leaky;
    sound.get<give_key>("/key", {.id = "key", .summary = "", .tag = "", .compress = false});
    sound.get<give_title>("/title", {.id = "title", .summary = "", .tag = ""});
    CHECK_NOTHROW(require_secrets_uncompressed(sound));
    leaky.post<give_keys>("/keys", {.id = "keys", .summary = "", .tag = ""});
    leaky.get<give_title>("/title", {.id = "title", .summary = "", .tag = ""});
    CHECK(compressible_secrets(leaky) == std::vector<std::string_view>{"keys"});
    CHECK_THROWS_AS(require_secrets_uncompressed(leaky), std::logic_error);
}
