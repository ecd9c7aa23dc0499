// SPDX-License-Identifier: Apache-2.0
// How a listener stops without a victim. Whoever connects between the last accept and the close believes to
// be connected and is reset; so first the kernel is told to begin no more handshakes, then the queue is
// emptied, then the listener is closed.
#pragma once

namespace bulkhead::http {

/// From now on `listener` ignores clients that begin to connect; those that have begun still arrive. Where
/// the system has no such filter nothing happens.
void turn_new_clients_away(int listener) noexcept;

}  // namespace bulkhead::http
