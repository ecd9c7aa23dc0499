// SPDX-License-Identifier: Apache-2.0
// The outcome of asking for an export's content: a file to save, never to be shown as a page.
#pragma once

#include <memory>
#include <string>

#include "features/exports/model.hpp"
#include "http/content_source.hpp"
#include "http/outcomes.hpp"

namespace bulkhead::exports {

struct export_file {
    file_format format = file_format::csv;
    utc_time asked_at;
    std::shared_ptr<http::content_source> content;
};

/// "tasks-2026-11-21.csv": nothing of it comes from a user.
[[nodiscard]] inline std::string file_name_of(const export_file& file) {
    const auto day = to_rfc3339(file.asked_at).substr(0, 10);
    return "tasks-" + day + "." + std::string(schema::enum_name(file.format));
}

}  // namespace bulkhead::exports

template <>
struct bulkhead::http::outcome<bulkhead::exports::export_file> {
    static response to_response(exports::export_file&& file) {
        response out{.content_type = exports::content_type_of(file.format)};
        out.header("Content-Disposition", "attachment; filename=\"" + exports::file_name_of(file) + "\"");
        out.source = std::move(file.content);
        return out;
    }
    static void document(operation& op) {
        for (const auto type : {"text/csv", "application/x-ndjson"})
            op.answers(200, "The file", json::object{{"type", "string"}}, type,
                       {{"Content-Disposition", "attachment, and a name to save it under"}});
    }
};
