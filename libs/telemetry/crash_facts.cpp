// SPDX-License-Identifier: Apache-2.0
#include "telemetry/crash_facts.hpp"

#include <execinfo.h>
#include <setjmp.h>
#include <sys/prctl.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>

namespace bulkhead::telemetry {
namespace {

/// Out of a look at what has made us crash.
struct way_back {
    sigjmp_buf out{};
    std::atomic<bool> open{false};  // it can be taken
};

way_back& way() noexcept {
    static way_back only;
    return only;
}

/// Calls `what`, which may meet what has made us crash. False: it did.
template <class F>
bool survives(F what) noexcept {
    if (sigsetjmp(way().out, 1) != 0) {
        way().open.store(false);
        return false;
    }
    way().open.store(true);
    what();
    way().open.store(false);
    return true;
}

/// Where the processor was, and the top of its stack.
struct place {
    std::uintptr_t code = 0;
    const std::uintptr_t* stack = nullptr;
};

place crashed_at(const void* context) noexcept {
    const auto& machine = static_cast<const ucontext_t*>(context)->uc_mcontext;
#if defined(__x86_64__)
    return {static_cast<std::uintptr_t>(machine.gregs[REG_RIP]),
            reinterpret_cast<const std::uintptr_t*>(machine.gregs[REG_RSP])};
#elif defined(__aarch64__)
    return {machine.pc, nullptr};
#else
    (void)machine;
    return {};
#endif
}

}  // namespace

void collect(crash_facts& out, int number, const siginfo_t* info, const void* context) noexcept {
    out.number = number;
    out.thread_id = ::gettid();
    if (info->si_code > 0) out.address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    ::prctl(PR_GET_NAME, out.thread.data());
    ::clock_gettime(CLOCK_REALTIME, &out.when);
    const auto at = crashed_at(context);
    if (survives([&] { out.count = ::backtrace(out.stack.data(), crash_facts::most_frames); }))
        for (int i = 0; i < out.count; ++i)
            if (reinterpret_cast<std::uintptr_t>(out.stack[static_cast<std::size_t>(i)]) == at.code) {
                out.first = i;
                return;
            }
    // A jump into nothing, or a stack in pieces: no way back can be followed. After a call, the place it came
    // from is on top of the stack.
    out.stack[0] = reinterpret_cast<void*>(at.code);
    out.count = 1;
    const auto look = [&] { out.stack[1] = reinterpret_cast<void*>(*at.stack); };
    if (at.stack && survives(look)) out.count = 2;
}

void resume_collecting() noexcept {
    if (way().open.load()) ::siglongjmp(way().out, 1);
}

}  // namespace bulkhead::telemetry
