// SPDX-License-Identifier: Apache-2.0
#include "observability/trace.hpp"

#include <algorithm>
#include <set>
#include <string>

#include "base/testing/catch.hpp"
#include "observability/trace_recorder.hpp"

using namespace bulkhead::trace;

namespace {

const std::string trace_text = "0af7651916cd43dd8448eb211c80319c";
const std::string span_text = "b7ad6b7169203331";
const std::string good = "00-" + trace_text + "-" + span_text + "-01";

std::string with_version(const std::string& version) { return version + good.substr(2); }

}  // namespace

TEST_CASE("trace: a traceparent is read", "[trace]") {
    const auto read = parse_traceparent(good);
    REQUIRE(read);
    CHECK(hex_text(read->trace).view() == trace_text);
    CHECK(hex_text(read->span).view() == span_text);
    CHECK(read->sampled);
    CHECK(!read->random);
    const auto flags = [](const std::string& two) { return parse_traceparent(good.substr(0, 53) + two); };
    CHECK(!flags("00")->sampled);
    CHECK(!flags("02")->sampled);
    CHECK(flags("02")->random);
    CHECK(flags("ff")->sampled);  // flags that nobody knows yet are no error
}

TEST_CASE("trace: versions to come are read as far as they are like version 00", "[trace]") {
    CHECK(parse_traceparent(with_version("01")));
    CHECK(parse_traceparent(with_version("cc") + "-what-the-future-will-be-like"));
    CHECK(!parse_traceparent(with_version("cc") + ".what"));
    CHECK(!parse_traceparent(with_version("cc") + "x"));
    CHECK(!parse_traceparent(with_version("ff")));
    CHECK(!parse_traceparent(good + "-00"));
    CHECK(!parse_traceparent(good + "-"));
}

TEST_CASE("trace: what is no traceparent is none", "[trace]") {
    for (std::size_t length = 0; length < good.size(); ++length)
        CHECK(!parse_traceparent(good.substr(0, length)));
    for (std::size_t at = 0; at < good.size(); ++at)
        for (const char wrong : {'g', 'A', ' ', '_', '\0'}) {
            auto broken = good;
            broken[at] = wrong;
            CHECK(!parse_traceparent(broken));
        }
    CHECK(!parse_traceparent("00-" + std::string(32, '0') + "-" + span_text + "-01"));
    CHECK(!parse_traceparent("00-" + trace_text + "-" + std::string(16, '0') + "-01"));
}

TEST_CASE("trace: a tracestate is passed on when it is sound", "[trace]") {
    CHECK(clean_tracestate("rojo=00f067aa0ba902b7,congo=t61rcWkgMzE") ==
          "rojo=00f067aa0ba902b7,congo=t61rcWkgMzE");
    CHECK(clean_tracestate(" a=1 ,, b@c=2\t") == "a=1,b@c=2");
    CHECK(clean_tracestate("").empty());
    for (const auto* wrong : {"a", "=1", "a=", "A=1", "a=1=2", "a=\x7f", "a=\xc3\xa4", "a b=1"})
        CHECK(clean_tracestate(wrong).empty());
    CHECK(clean_tracestate("a=" + std::string(256, 'x')).size() == 258);
    CHECK(clean_tracestate("a=" + std::string(257, 'x')).empty());
    std::string many = "a=1";
    for (int i = 1; i < 32; ++i) many += ",a=1";
    CHECK(clean_tracestate(many) == many);
    CHECK(clean_tracestate(many + ",a=1").empty());
}

TEST_CASE("trace: identifiers differ", "[trace]") {
    std::set<trace_id> seen;
    for (int i = 0; i < 1000; ++i) seen.insert(random_trace_id());
    CHECK(seen.size() == 1000);
    CHECK(random_span_id() != random_span_id());
}

TEST_CASE("trace: the sampler takes its part", "[trace]") {
    trace_id least{}, most{};
    least[0] = 1;
    most.fill(0xff);
    CHECK(sampler(1).chooses(most));
    CHECK(!sampler(0).chooses(least));
    CHECK(sampler(0.0001).chooses(least));
    CHECK(!sampler(0.9999).chooses(most));
    const sampler tenth(0.1);
    int chosen = 0;
    for (int i = 0; i < 10'000; ++i) chosen += tenth.chooses(random_trace_id());
    CHECK(chosen > 700);
    CHECK(chosen < 1300);
}

TEST_CASE("trace: a recorder keeps a bounded number of spans under the request's own", "[trace]") {
    const context own{.trace = random_trace_id(), .span = random_span_id(), .sampled = true};
    const auto parent = random_span_id();
    const auto recording = std::make_shared<recorder>(own, parent, "a=1");
    constexpr std::size_t too_many = recorder::most_spans + 3;
    for (std::size_t i = 0; i < too_many; ++i) {
        client_span one(recording);
        REQUIRE(one);
        one->name = "SELECT";
        if (i == 0) one.fail("unavailable");
    }
    const auto all = recording->take([](span& root) { root.name = "GET /"; });
    CHECK(all.trace == own.trace);
    CHECK(all.state == "a=1");
    REQUIRE(all.spans.size() == recorder::most_spans + 1);
    const auto& root = all.spans.back();
    CHECK(root.name == "GET /");
    CHECK(root.id == own.span);
    CHECK(root.parent == parent);
    CHECK(root.kind == span_kind::server);
    CHECK(std::get<std::int64_t>(root.attributes.at(0).value) == 3);
    const auto& first = all.spans.front();
    CHECK(first.parent == own.span);
    CHECK(first.kind == span_kind::client);
    CHECK(first.failed);
    CHECK(first.start >= root.start);
    CHECK(first.end <= root.end);
    client_span late(recording);  // goes on after the answer: nobody hears of it, and nothing breaks
}

TEST_CASE("trace: without a recorder nothing is recorded", "[trace]") {
    client_span nothing(nullptr);
    CHECK(!nothing);
    nothing.fail("unavailable");
}
