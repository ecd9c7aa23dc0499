// SPDX-License-Identifier: Apache-2.0
#include "features/exports/stored_content.hpp"

namespace bulkhead::exports {
namespace {

constexpr std::size_t piece_size = 64 * 1024;

}  // namespace

awaitable<result<std::string_view>> stored_content::next() {
    auto piece = co_await from_->read(at_, piece_size);
    if (!piece) co_return std::unexpected(std::move(piece.error()));
    piece_ = *std::move(piece);
    at_ += piece_.size();
    co_return std::string_view(piece_);
}

}  // namespace bulkhead::exports
