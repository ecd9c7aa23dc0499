// SPDX-License-Identifier: Apache-2.0
// What handlers of one reactor may use (pools, token checker, ...), found by type. Filled once while the
// program is wired, read-only afterwards; holds references only. One instance per reactor.
#pragma once

#include <stdexcept>
#include <string>
#include <typeinfo>
#include <utility>
#include <vector>

namespace bulkhead::http {

class services {
public:
    /// `service` must outlive this object. One per type.
    template <class T>
    void add(T& service) {
        entries_.emplace_back(&key<T>, &service);
    }

    /// Throws std::logic_error when the program forgot to add one: found by the first request of any test.
    template <class T>
    [[nodiscard]] T& get() const {
        for (const auto& [type, service] : entries_)
            if (type == &key<T>) return *static_cast<T*>(service);
        throw std::logic_error(std::string("no service of type ") + typeid(T).name());
    }

private:
    template <class T>
    static inline const char key = 0;

    std::vector<std::pair<const char*, void*>> entries_;
};

}  // namespace bulkhead::http
