// SPDX-License-Identifier: Apache-2.0
// A stored object as the content of an answer: read in pieces while it is sent. Belongs to its answer.
#pragma once

#include <memory>
#include <string>

#include "http/content_source.hpp"
#include "storage/store.hpp"

namespace bulkhead::exports {

class stored_content final : public http::content_source {
public:
    explicit stored_content(std::unique_ptr<storage::object_reader> from) : from_(std::move(from)) {}

    [[nodiscard]] std::uint64_t size() const noexcept override { return from_->size(); }
    awaitable<result<std::string_view>> next() override;

private:
    const std::unique_ptr<storage::object_reader> from_;
    std::uint64_t at_ = 0;
    std::string piece_;
};

}  // namespace bulkhead::exports
