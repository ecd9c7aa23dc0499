// SPDX-License-Identifier: Apache-2.0
// Arrays. A request must say how many items it takes: bounded<T, Max>. A response may be a plain std::vector.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

#include "schema/binding.hpp"

namespace bulkhead::schema {

/// From Min to Max items; "too_few_items" and "too_many_items" otherwise.
template <class T, std::size_t Max, std::size_t Min = 0>
class bounded {
    static_assert(Min <= Max);

public:
    bounded() requires(Min == 0) = default;

    /// For lists that are known to fit. Throws std::length_error otherwise.
    explicit bounded(std::vector<T> items) : items_(std::move(items)) {
        if (items_.size() < Min || items_.size() > Max) throw std::length_error("bounded");
    }

    [[nodiscard]] const std::vector<T>& items() const noexcept { return items_; }
    [[nodiscard]] std::size_t size() const noexcept { return items_.size(); }
    [[nodiscard]] bool empty() const noexcept { return items_.empty(); }
    [[nodiscard]] auto begin() const noexcept { return items_.begin(); }
    [[nodiscard]] auto end() const noexcept { return items_.end(); }
    const T& operator[](std::size_t i) const { return items_[i]; }

    friend bool operator==(const bounded&, const bounded&) = default;

private:
    friend struct access;
    friend struct binding<bounded>;
    bounded() {}

    std::vector<T> items_;
};

/// The array in `in`, if its size is allowed; null after refusing it.
const json::array* expect_items(const json::value& in, const place& at, std::size_t min, std::size_t max);

json::object array_schema(json::object items);

template <class T>
struct binding<std::vector<T>> : required_binding {
    static void write(std::string& out, const std::vector<T>& items) {
        const auto start = out.size();
        for (const auto& item : items) {
            out += ',';
            binding<T>::write(out, item);
        }
        if (items.empty()) out += '[';
        out[start] = '[';  // in place of the first comma
        out += ']';
    }
    static json::object schema(components& shared, direction way) {
        return array_schema(binding<T>::schema(shared, way));
    }
};

template <class T, std::size_t Max, std::size_t Min>
struct binding<bounded<T, Max, Min>> : required_binding {
    using type = bounded<T, Max, Min>;

    static bool read(const json::value& in, const place& at, type& out) {
        const auto* items = expect_items(in, at, Min, Max);
        if (items == nullptr) return false;
        bool sound = true;
        out.items_.clear();
        for (std::size_t i = 0; i < items->size(); ++i) {
            auto item = access::make<T>();
            sound &= read_value((*items)[i], at.item(i), item);
            out.items_.push_back(std::move(item));
        }
        return sound;
    }
    static void write(std::string& out, const type& value) {
        binding<std::vector<T>>::write(out, value.items());
    }
    static json::object schema(components& shared, direction way) {
        auto out = array_schema(binding<T>::schema(shared, way));
        if (Min > 0) out["minItems"] = Min;
        out["maxItems"] = Max;
        return out;
    }
};

}  // namespace bulkhead::schema
