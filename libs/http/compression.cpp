// SPDX-License-Identifier: Apache-2.0
#include "http/compression.hpp"

#include <fmt/format.h>

#include <array>

#include "base/text.hpp"
#include "http/compression_codec.hpp"
#include "http/vary.hpp"

namespace bulkhead::http {
namespace {

bool is_text(std::string_view content_type) {
    const auto type = trim(content_type.substr(0, content_type.find(';')));
    return type.starts_with("text/") || type == "application/json" || type.ends_with("+json") ||
           type == "image/svg+xml";
}

bool may_be_coded(const exchange& x, const response& answer) {
    return may_have_content(answer.code) && answer.code != status::partial_content &&
           !answer.content().empty() && is_text(answer.content_type) &&
           !answer.has_header("Content-Encoding") && (!x.operation() || x.operation()->compress);
}

std::string* find_tag(response& answer) {
    for (auto& [name, value] : answer.headers)
        if (name == "ETag") return &value;
    return nullptr;
}

void mark(response& answer, coding how) {
    answer.header("Content-Encoding", std::string(coding_name(how)));
    if (auto* tag = find_tag(answer)) *tag = coded_tag(*tag, how);
}

/// A 304 names what the client has (RFC 9111 section 4.3.4): the coded form, if that is what it asked about.
void mark_not_modified(const exchange& x, response& answer) {
    auto* tag = find_tag(answer);
    const auto asked = x.head().find("If-None-Match");
    if (!tag || !asked) return;
    vary_on(answer, "Accept-Encoding");
    tag = find_tag(answer);  // it has moved
    const accepted_codings accepted(x.head());
    for (const auto one : {accepted.best(), coding::identity, coding::zstd, coding::gzip}) {
        auto coded = coded_tag(*tag, one);
        if (!accepted.takes(one) || asked->find(coded) == asked->npos) continue;
        *tag = std::move(coded);
        return;
    }
}

}  // namespace

compression::counters compression::counters_of(metrics::registry& registry, coding one) {
    const auto add = [&](std::string_view direction) -> metrics::counter& {
        return registry.add_counter("bulkhead_compression_bytes_total",
                                    "Bytes of answers before (in) and after (out) compression",
                                    fmt::format("{},{}", metrics::label("coding", coding_name(one)),
                                                metrics::label("direction", direction)));
    };
    return {.in = add("in"), .out = add("out")};
}

compression::compression(runtime::blocking_pool& threads, metrics::registry& registry)
    : threads_(threads),
      gzip_(counters_of(registry, coding::gzip)),
      zstd_(counters_of(registry, coding::zstd)),
      skipped_(registry.add_counter("bulkhead_compression_skipped_total",
                                    "Large answers sent as they are because the threads were busy")) {
    registry.add_gauge_sampler("bulkhead_compression_queue", "Large answers that wait to be compressed",
                               [&threads] { return static_cast<double>(threads.waiting()); });
}

coding compression::encode(const exchange& x, response& answer) {
    if (answer.code == status::not_modified) mark_not_modified(x, answer);
    if (!may_be_coded(x, answer)) return coding::identity;
    vary_on(answer, "Accept-Encoding");
    const accepted_codings accepted(x.head());
    const auto how = accepted.best();
    const auto size = answer.content().size();
    const bool must = !accepted.takes(coding::identity);
    if (how == coding::identity || (size < smallest && !must)) return coding::identity;
    if (!answer.static_body.empty()) {
        const auto made = store_.find(answer.static_body, how);
        if (!made) return how;
        replace_static(answer, how, *made);
        return coding::identity;
    }
    if (size > on_reactor) return how;
    replace(answer, how, compress(answer.body, how, effort::quick), must);
    return coding::identity;
}

awaitable<void> compression::encode_elsewhere(coding how, response& answer) {
    const auto original = answer.static_body;
    const bool kept = !original.empty();
    if (kept && !store_.claim(original, how)) co_return;  // somebody is at it: as it is, this time
    const auto content = answer.content();
    const auto care = kept ? effort::thorough : effort::quick;
    auto work = [content, how, care] { return compress(content, how, care); };
    try {
        auto made = co_await threads_.run(std::move(work));
        if (made && kept) co_return replace_static(answer, how, store_.keep(original, how, *std::move(made)));
        if (made) co_return replace(answer, how, *std::move(made));
        skipped_.add();
    } catch (const std::bad_alloc&) {
        skipped_.add();
    }
    if (kept) store_.give_up(original, how);
}

/// Whatever does not shrink stays as it is, unless the client refuses that.
void compression::replace(response& answer, coding how, std::string made, bool must) {
    count(how, answer.body.size(), made.size());
    if (made.size() >= answer.body.size() && !must) return;
    answer.body = std::move(made);
    mark(answer, how);
}

void compression::replace_static(response& answer, coding how, std::string_view made) {
    if (made.size() >= answer.static_body.size()) return;
    count(how, answer.static_body.size(), made.size());
    answer.static_body = made;
    mark(answer, how);
}

void compression::count(coding how, std::size_t in, std::size_t out) {
    auto& counts = how == coding::gzip ? gzip_ : zstd_;
    counts.in.add(in);
    counts.out.add(out);
}

}  // namespace bulkhead::http
