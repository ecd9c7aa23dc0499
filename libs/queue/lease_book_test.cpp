// SPDX-License-Identifier: Apache-2.0
#include "queue/lease_book.hpp"

#include "base/testing/catch.hpp"

namespace bulkhead::queue {
namespace {

using namespace std::chrono_literals;

std::shared_ptr<lease> taken(place where, std::chrono::seconds for_so_long = 60s) {
    return std::make_shared<lease>(uuid::generate(), uuid::generate(), where,
                                   lease::clock::now() + for_so_long);
}

TEST_CASE("Leases are prolonged by place until they are lost or over") {
    const place one{lane::normal, 0};
    const place other{lane::bulk, 3};
    lease_book book;
    const auto first = taken(one);
    const auto second = taken(one);
    const auto third = taken(other);
    const auto over = taken(other, -1s);
    for (const auto& each : {first, second, third, over}) book.add(each);
    CHECK(book.by_place().at(one).size() == 2);
    CHECK(book.by_place().at(other).size() == 1);
    first->ask_to_stop(stop_reason::lost);
    second->ask_to_stop(stop_reason::time_up);
    CHECK(book.by_place().at(one) == std::vector{second});
    book.remove(*third);
    CHECK(!book.by_place().contains(other));
    CHECK(book.size() == 3);
}

TEST_CASE("A lease that was taken again meanwhile stays in the book") {
    const place where{lane::normal, 0};
    lease_book book;
    const auto before = taken(where);
    const auto after = std::make_shared<lease>(before->tenant(), before->id(), where, before->until());
    book.add(before);
    book.add(after);
    book.remove(*before);
    CHECK(book.by_place().at(where) == std::vector{after});
    CHECK(book.has(*after));
    CHECK_FALSE(book.has(*before));  // what is said of it is of no interest
    book.remove(*after);
    CHECK_FALSE(book.has(*after));
}

TEST_CASE("The first reason to stop stays, unless the lease is lost") {
    const auto one = taken({});
    CHECK(one->stop() == stop_reason::none);
    one->ask_to_stop(stop_reason::cancelled);
    one->ask_to_stop(stop_reason::shutdown);
    CHECK(one->stop() == stop_reason::cancelled);
    one->ask_to_stop(stop_reason::lost);
    CHECK(one->stop() == stop_reason::lost);
    one->ask_to_stop(stop_reason::cancelled);
    CHECK(one->stop() == stop_reason::lost);
}

}  // namespace
}  // namespace bulkhead::queue
