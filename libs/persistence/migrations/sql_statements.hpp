// SPDX-License-Identifier: Apache-2.0
// Where the statements of a migration begin and end, by PostgreSQL's lexical rules: quotes, E'' strings,
// dollar quotes, nested comments and BEGIN ATOMIC bodies. Pure; the views point into the text given.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace bulkhead::migrations {

struct sql_statement {
    std::string_view text;  // without the semicolon and the comments before it
    std::size_t line = 1;   // of its first character
    std::string words;      // its leading words in upper case, up to three: "CREATE UNIQUE INDEX"
};

struct sql_script {
    std::vector<sql_statement> statements;
    std::string problem;  // set when the text cannot be a migration; begins with the line
};

/// Splits `text`. A problem is reported for unterminated quotes and comments, for psql's backslash commands,
/// for COPY … FROM STDIN, and for transaction control (BEGIN, COMMIT, …): with a COMMIT inside, what stands
/// before it would stay when what stands after it fails.
sql_script split_sql(std::string_view text);

}  // namespace bulkhead::migrations
