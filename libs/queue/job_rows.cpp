// SPDX-License-Identifier: Apache-2.0
#include "queue/job_rows.hpp"

#include <boost/json/serialize.hpp>

#include "base/text.hpp"

namespace bulkhead::queue {
namespace {

std::size_t sequence_length(unsigned char lead) {
    if (lead < 0x80) return 1;
    if (lead < 0xe0) return 2;
    return lead < 0xf0 ? 3 : 4;
}

}  // namespace

std::string presentable(std::string_view text, std::size_t bytes) {
    std::string out;
    while (!text.empty()) {
        auto piece = text.substr(0, sequence_length(static_cast<unsigned char>(text.front())));
        std::string_view shown = piece;
        if (!is_utf8(piece)) {
            piece = text.substr(0, 1);
            shown = "?";
        } else if (static_cast<unsigned char>(piece.front()) < 0x20 || piece.front() == 0x7f) {
            shown = " ";
        }
        if (out.size() + shown.size() > bytes) break;
        out += shown;
        text.remove_prefix(piece.size());
    }
    return out;
}

std::optional<std::string> json_text(const json::value& value) {
    if (value.is_null()) return std::nullopt;
    return json::serialize(value);
}

std::string record_of(const job_failure_record& why) {
    return json::serialize(json::object{{"attempt", why.attempt},
                                        {"at", to_rfc3339(why.at)},
                                        {"reason", presentable(why.reason, longest_reason)}});
}

postgres::parameters values_of(const new_job& what) {
    std::optional<std::string_view> key;
    if (!what.unique_key.empty()) key = what.unique_key;
    return postgres::parameters::of(what.id, what.kind, column_of(what.lane), column_of(what.priority),
                                    what.payload, what.version, what.user, what.run_at, key,
                                    static_cast<std::int32_t>(what.most_attempts));
}

claimed_job read_claimed(const postgres::result_set::row& row) {
    return {.payload = row.get<std::string>(0),
            .version = row.get<std::int16_t>(1),
            .attempt = static_cast<unsigned>(row.get<std::int32_t>(2)),
            .most_attempts = static_cast<unsigned>(row.get<std::int32_t>(3)),
            .lost = static_cast<unsigned>(row.get<std::int32_t>(4)),
            .fence = row.get<std::int64_t>(5),
            .user = row.get<std::optional<uuid>>(6),
            .checkpoint = row.get<std::string>(7)};
}

ticket read_ticket(const uuid& tenant, const postgres::result_set::row& row) {
    return {.tenant = tenant,
            .id = row.get<uuid>(0),
            .kind = row.get<std::string>(1),
            .lane = static_cast<lane>(row.get<std::int16_t>(2)),
            .priority = static_cast<priority>(row.get<std::int16_t>(3)),
            .delay = std::chrono::milliseconds(row.get<std::int64_t>(4))};
}

}  // namespace bulkhead::queue
