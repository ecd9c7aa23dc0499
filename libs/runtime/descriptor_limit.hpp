// SPDX-License-Identifier: Apache-2.0
// How many descriptors this process may have open: a connection of a client, or to a database, is one.
#pragma once

#include <cstddef>

namespace bulkhead::runtime {

/// Raises the soft limit to the hard one, since the usual 1024 is there for programs that use select(), and
/// gives what it is then. For the start of a program.
std::size_t raise_descriptor_limit();

}  // namespace bulkhead::runtime
