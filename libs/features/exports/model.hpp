// SPDX-License-Identifier: Apache-2.0
// Exports as the API speaks of them. An export is the job that makes it and, once that has succeeded, a file.
#pragma once

#include <boost/describe.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "schema/schema.hpp"

namespace bulkhead::exports {

enum class export_kind { tasks };
BOOST_DESCRIBE_ENUM(export_kind, tasks)

enum class file_format : std::int16_t { csv, ndjson };
BOOST_DESCRIBE_ENUM(file_format, csv, ndjson)

enum class export_state { pending, scheduled, running, succeeded, failed, cancelled };
BOOST_DESCRIBE_ENUM(export_state, pending, scheduled, running, succeeded, failed, cancelled)

struct export_input {
    export_kind kind;
    file_format format;
};
BOOST_DESCRIBE_STRUCT(export_input, (), (kind, format))

struct data_export {
    uuid id;
    export_kind kind = export_kind::tasks;
    file_format format = file_format::csv;
    export_state state = export_state::pending;
    std::int64_t progress = 0;         // percent
    std::optional<std::string> error;  // of the latest run that failed, until one succeeds
    std::optional<std::int64_t> rows;  // these and the times below once it has succeeded
    std::optional<std::int64_t> bytes;
    utc_time created_at;
    std::optional<utc_time> finished_at;
    std::optional<utc_time> expires_at;  // then it is gone
};
BOOST_DESCRIBE_STRUCT(data_export, (),
                      (id, kind, format, state, progress, error, rows, bytes, created_at, finished_at,
                       expires_at))

constexpr std::string_view schema_name_of(std::type_identity<data_export>) { return "export"; }
constexpr std::string_view schema_name_of(std::type_identity<export_state>) { return "export_state"; }

/// What the job is told.
struct export_payload {
    file_format format;
};
BOOST_DESCRIBE_STRUCT(export_payload, (), (format))

inline constexpr std::string_view export_tasks_kind = "export.tasks";

/// As HTTP names it; static text.
[[nodiscard]] constexpr std::string_view content_type_of(file_format format) noexcept {
    return format == file_format::csv ? "text/csv; charset=utf-8" : "application/x-ndjson";
}

}  // namespace bulkhead::exports
