// SPDX-License-Identifier: Apache-2.0
#include "features/exports/csv.hpp"

#include <boost/describe.hpp>
#include <utility>
#include <vector>

#include "base/testing/catch.hpp"

using namespace bulkhead;
using namespace bulkhead::exports;

namespace {

enum class colour { red, green };
BOOST_DESCRIBE_ENUM(colour, red, green)

struct sample {
    uuid id;
    std::string title;
    bool done = false;
    colour paint = colour::green;
    std::optional<utc_time> due_at;
    std::optional<std::string> note;
    std::int64_t version = 1;
};
BOOST_DESCRIBE_STRUCT(sample, (), (id, title, done, paint, due_at, note, version))

std::string cell(std::string_view text) {
    std::string out;
    append_csv(out, text);
    return out;
}

/// What a reader of RFC 4180 takes from one quoted cell.
std::string read_back(std::string_view quoted) {
    REQUIRE(quoted.size() >= 2);
    REQUIRE(quoted.front() == '"');
    REQUIRE(quoted.back() == '"');
    std::string out;
    for (std::size_t i = 1; i + 1 < quoted.size(); ++i) {
        if (quoted[i] == '"') {
            REQUIRE(i + 2 < quoted.size());
            REQUIRE(quoted[++i] == '"');
        }
        out += quoted[i];
    }
    return out;
}

}  // namespace

TEST_CASE("csv: text stays what it is, in quotes", "[exports]") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"", "\"\""},
        {"plain", "\"plain\""},
        {"a,b;c", "\"a,b;c\""},
        {"say \"hi\"", "\"say \"\"hi\"\"\""},
        {"\"", "\"\"\"\""},
        {"two\r\nlines", "\"two\r\nlines\""},
        {"Grüße, 世界 \U0001F6A2", "\"Grüße, 世界 \U0001F6A2\""},
        {" padded ", "\" padded \""},
        {"1+1=2", "\"1+1=2\""},
        {"me@example.com", "\"me@example.com\""},
        {"a,-b", "\"a,-b\""},
        {"'quoted'", "\"'quoted'\""},
    };
    for (const auto& [text, expected] : rows) {
        INFO(text);
        CHECK(cell(text) == expected);
        CHECK(read_back(cell(text)) == text);
    }
}

TEST_CASE("csv: no text is a formula", "[exports]") {
    const std::vector<std::pair<std::string, std::string>> rows{
        {"=1+1", "'=1+1"},
        {"+1", "'+1"},
        {"-2+3+cmd|' /C calc'!A0", "'-2+3+cmd|' /C calc'!A0"},
        {"@SUM(1;2)", "'@SUM(1;2)"},
        {"\t=1", "'\t'=1"},
        {"\r=1", "'\r'=1"},
        {"\n=1", "'\n'=1"},
        {"\thello", "'\thello"},
        {"=HYPERLINK(\"http://evil\",\"x\")", "'=HYPERLINK(\"http://evil\",\"x\")"},
        {"\uFF1D1", "'\uFF1D1"},
        {"\uFF0B1", "'\uFF0B1"},
        {"\uFF0D1", "'\uFF0D1"},
        {"\uFF201", "'\uFF201"},
        {"harmless;=1+1", "harmless;'=1+1"},
        {"harmless\t@x", "harmless\t'@x"},
        {"list:\n- one\n- two", "list:\n'- one\n'- two"},
        {"quote\";=1", "quote\";'=1"},
        {"=", "'="},
    };
    for (const auto& [text, expected] : rows) {
        INFO(text);
        CHECK(read_back(cell(text)) == expected);
    }
}

TEST_CASE("csv: a line has a cell for each member, and none is empty by accident", "[exports]") {
    std::string out;
    append_csv_head<sample>(out);
    CHECK(out == "id,title,done,paint,due_at,note,version\r\n");
    const auto id = uuid::parse("01890a5d-ac96-774b-bcce-b302099a8057");
    REQUIRE(id);
    sample row{.id = *id,
               .title = "=a",
               .done = true,
               .due_at = parse_rfc3339("2026-01-31T09:30:00Z"),
               .note = "",
               .version = -3};
    out.clear();
    append_csv_line(out, row);
    CHECK(out ==
          "01890a5d-ac96-774b-bcce-b302099a8057,\"'=a\",true,green,2026-01-31T09:30:00.000Z,\"\",-3\r\n");
    row.due_at.reset();
    row.note.reset();
    out.clear();
    append_csv_line(out, row);
    CHECK(out == "01890a5d-ac96-774b-bcce-b302099a8057,\"'=a\",true,green,,,-3\r\n");
}
