// SPDX-License-Identifier: Apache-2.0
// What people call a C++ type or symbol. Safe from any thread; not from a signal handler.
#pragma once

#include <string>
#include <typeinfo>

namespace bulkhead {

/// "std::runtime_error" for "_ZSt13runtime_error"; a name that is not mangled as it is.
[[nodiscard]] std::string demangled(const char* name);

/// Of the object itself, when T is polymorphic.
template <class T>
[[nodiscard]] std::string type_name(const T& object) {
    return demangled(typeid(object).name());
}

}  // namespace bulkhead
