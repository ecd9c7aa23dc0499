// SPDX-License-Identifier: Apache-2.0
#include "tenancy/idempotency_records.hpp"

#include <algorithm>
#include <array>

#include "http/idempotency_key.hpp"
#include "persistence/postgres/wire.hpp"

namespace bulkhead::tenancy {
namespace {

constexpr std::size_t largest_kept = 512 * 1024;

/// The headers that are part of an answer. Their names are static text, as a response wants it.
constexpr std::array<std::string_view, 6> kept_headers{
    "Location", "ETag", "Content-Location", "Last-Modified", "Preference-Applied", "Set-Cookie"};

/// One name for the place of a record: what is sealed for one opens at no other.
std::string place_of(const idempotent_request& what) {
    return "idempotency/" + what.tenant.to_string() + "/" + what.user.to_string() + "/" + what.operation +
           "/" + what.key;
}

/// Fingerprint, header lines, an empty line, content. Without an answer: the fingerprint only.
std::string packed(const idempotent_request& what, const http::response& answer) {
    auto out = what.fingerprint.to_string();
    const auto content = answer.content();
    const bool json = content.empty() || answer.content_type == http::json_content_type;
    if (!json || content.size() > largest_kept) return out;
    for (const auto& [name, value] : answer.headers)
        if (is_kept_header(name)) out.append(name).append(":").append(value).append("\n");
    return out.append("\n").append(content);
}

bool unpack_headers(std::string_view& rest, http::response& into) {
    for (;;) {
        const auto end = rest.find('\n');
        if (end == rest.npos) return false;
        const auto line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        if (line.empty()) return true;
        const auto colon = line.find(':');
        const auto name = std::ranges::find(kept_headers, line.substr(0, colon));
        if (colon == line.npos || name == kept_headers.end()) return false;
        into.header(*name, std::string(line.substr(colon + 1)));
    }
}

}  // namespace

result<idempotent_request> idempotent_request::of(const http::exchange& x, const uuid& tenant,
                                                  const uuid& user) {
    auto key = http::read_idempotency_key(x.head());
    if (!key) return std::unexpected(std::move(key.error()));
    sha256_stream hash;
    // Neither a method nor a target has line ends in it, and the content comes last.
    for (const auto part : {x.head().method_text, x.head().path, x.head().query}) {
        hash.add(part);
        hash.add("\n");
    }
    hash.add(x.body());
    const auto* texts = x.operation();
    return idempotent_request{.tenant = tenant,
                              .user = user,
                              .operation = std::string(texts ? texts->id : x.head().path),
                              .key = *std::move(key),
                              .fingerprint = hash.finish()};
}

bool is_kept_header(std::string_view name) noexcept {
    return std::ranges::find(kept_headers, name) != kept_headers.end();
}

kept_answer keep_answer(const idempotent_request& what, const http::response& answer, const sealed_box& box) {
    return {.status = static_cast<std::int16_t>(answer.code),
            .sealed = box.seal(packed(what, answer), place_of(what))};
}

result<http::response> replay_answer(const idempotent_request& what, const kept_answer& kept,
                                     const sealed_box& box) {
    const auto opened = box.open(kept.sealed, place_of(what));
    if (!opened) return fail(errc::idempotency_gone);
    auto rest = opened->reveal();
    const auto fingerprint = what.fingerprint.view();
    if (!rest.starts_with(fingerprint)) return fail(errc::idempotency_reused);
    rest.remove_prefix(fingerprint.size());
    http::response answer{.code = static_cast<http::status>(kept.status)};
    if (!unpack_headers(rest, answer)) return fail(errc::idempotency_gone);
    answer.body = rest;
    answer.header("Idempotency-Replayed", "true");
    return answer;
}

postgres::query claim_statement(const idempotent_request& what) {
    const auto hash = sha256(place_of(what));
    const auto lock = postgres::wire::from_big_endian<std::int64_t>(hash.view().data());
    return {"select pg_try_advisory_xact_lock($1)", postgres::parameters::of(lock)};
}

postgres::query find_statement(const idempotent_request& what) {
    return {
        "select status, answer from idempotency_keys "
        "where user_id = $1 and operation = $2 and key = $3 and expires_at > now()",
        postgres::parameters::of(what.user, what.operation, what.key)};
}

postgres::query save_statement(const idempotent_request& what, const kept_answer& answer,
                               std::chrono::milliseconds kept) {
    // What is there already has expired.
    return {
        "insert into idempotency_keys (user_id, operation, key, status, answer, expires_at) "
        "values ($1, $2, $3, $4, $5, now() + $6::bigint * interval '1 millisecond') "
        "on conflict (user_id, operation, key) do update set status = excluded.status, "
        "answer = excluded.answer, created_at = excluded.created_at, expires_at = excluded.expires_at",
        postgres::parameters::of(what.user, what.operation, what.key, answer.status, answer.sealed,
                                 static_cast<std::int64_t>(kept.count()))};
}

}  // namespace bulkhead::tenancy
