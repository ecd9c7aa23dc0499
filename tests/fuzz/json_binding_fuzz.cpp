// SPDX-License-Identifier: Apache-2.0
// Fuzz target: JSON bodies become described types. Nothing may crash, a refusal must say something that can
// be sent, and what is accepted must survive being written and read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "base/text.hpp"
#include "schema/schema.hpp"

namespace {

using namespace bulkhead;

enum class priority { low, medium, high };
BOOST_DESCRIBE_ENUM(priority, low, medium, high)

struct line {
    schema::text<1, 40> name;
    std::optional<schema::integer<-1000, 1000>> amount;
};
BOOST_DESCRIBE_STRUCT(line, (), (name, amount))

struct order {
    schema::text<1, 200> title;
    schema::or_default<schema::text<0, 100>> note;
    schema::or_default<bool, false> done;
    schema::or_default<priority, priority::medium> level;
    schema::or_default<std::int64_t, 7> weight;
    std::optional<utc_time> due_at;
    std::optional<uuid> parent;
    std::optional<schema::email> owner;
    std::optional<schema::bounded<line, 4>> lines;
};
BOOST_DESCRIBE_STRUCT(order, (), (title, note, done, level, weight, due_at, parent, owner, lines))

struct order_patch {
    schema::change<schema::text<1, 200>> title;
    schema::patch<utc_time> due_at;
    schema::change<schema::password_text> password;
};
BOOST_DESCRIBE_STRUCT(order_patch, (), (title, due_at, password))

void require(bool condition) {
    if (!condition) std::abort();
}

template <class T>
void check_refusal(const result<T>& refused) {
    const auto& problem = refused.error();
    require(problem.code == errc::malformed_request || problem.code == errc::validation_failed);
    require(problem.fields.empty() == (problem.code == errc::malformed_request));
    require(problem.fields.size() <= schema::max_problems && is_utf8(problem.detail));
    for (const auto& field : problem.fields) {
        require(field.pointer.empty() || field.pointer.starts_with('/'));
        require(is_utf8(field.pointer) && !field.code.empty() && !field.detail.empty());
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const std::string_view body(reinterpret_cast<const char*>(data), size);
    if (const auto value = schema::parse<order>(body)) {
        const auto text = schema::to_json(*value);
        const auto again = schema::parse<order>(text);
        require(again.has_value() && schema::to_json(*again) == text);
    } else {
        check_refusal(value);
    }
    if (const auto changes = schema::parse<order_patch>(body); !changes) check_refusal(changes);
    return 0;
}
