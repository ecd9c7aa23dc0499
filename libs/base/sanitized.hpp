// SPDX-License-Identifier: Apache-2.0
// Whether a sanitizer watches this program: it has handlers and stacks of its own for crashes.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define BULKHEAD_SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define BULKHEAD_SANITIZED 1
#endif

namespace bulkhead {

#ifdef BULKHEAD_SANITIZED
inline constexpr bool sanitized = true;
#else
inline constexpr bool sanitized = false;
#endif

}  // namespace bulkhead
