// SPDX-License-Identifier: Apache-2.0
// Everything below on_crash() may only call what signal-safety(7) lists, and backtrace(), which is safe once
// it has been called before.
#include "telemetry/crash_handler.hpp"

#include <cxxabi.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <span>
#include <typeinfo>

#include "base/sanitized.hpp"
#include "base/thread.hpp"
#include "observability/crash_notes.hpp"
#include "telemetry/signal_text.hpp"

namespace bulkhead::telemetry {
namespace {

constexpr std::array fatal_signals{SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
constexpr int most_frames = 64;
constexpr unsigned patience_seconds = 4;  // in all, should even the handler get stuck
constexpr int child_polls = 300;          // of 10 ms

/// All that the handler uses, made before anything can go wrong.
struct last_words {
    bool json_lines = false;
    signal_text<128> program{};
    signal_text<4096> preamble{};                 // what the child must know; empty: there is no child
    std::uintptr_t code_begin = 0, code_end = 0;  // of the program's own file
    signal_text<1024> reason{};                   // of std::terminate
    std::atomic<bool> begun{false};
    std::atomic<int> number{0};
    std::atomic<pid_t> thread{0};  // that crashed first
    sigjmp_buf way_out{};
    std::atomic<bool> guarded{false};  // way_out can be taken
};

last_words& words() noexcept {
    static last_words all;
    return all;
}

std::string_view name_of(int number) noexcept {
    switch (number) {
        case SIGSEGV: return "SIGSEGV";
        case SIGABRT: return "SIGABRT";
        case SIGBUS: return "SIGBUS";
        case SIGFPE: return "SIGFPE";
        case SIGILL: return "SIGILL";
        default: return "signal";
    }
}

/// Dies of the signal, whatever state we are in.
void die_of(int number) noexcept {
    ::signal(number, SIG_DFL);
    sigset_t only;
    sigemptyset(&only);
    sigaddset(&only, number);
    ::pthread_sigmask(SIG_UNBLOCK, &only, nullptr);
    ::raise(number);
}

extern "C" void on_late(int) { die_of(words().number.load()); }

void write_all(int to, std::string_view text) noexcept {
    while (!text.empty()) {
        const auto count = ::write(to, text.data(), text.size());
        if (count <= 0 && errno != EINTR) return;
        if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
    }
}

/// Calls `what`, which may meet what has made us crash. False: it did.
template <class F>
bool survives(F what) noexcept {
    auto& all = words();
    if (sigsetjmp(all.way_out, 1) != 0) {
        all.guarded.store(false);
        return false;
    }
    all.guarded.store(true);
    what();
    all.guarded.store(false);
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

/// The crash as far as the program itself can tell.
struct facts {
    int number = 0;
    std::uintptr_t address = 0;  // that was accessed
    std::array<char, 17> thread{};
    std::array<void*, most_frames> stack{};
    int first = 0, count = 0;  // the part of the stack below the handler
    timespec when{};

    [[nodiscard]] std::span<void* const> frames() const noexcept {
        return {stack.data() + first, static_cast<std::size_t>(count - first)};
    }
};

void collect(facts& out, int number, const siginfo_t* info, const void* context) noexcept {
    out.number = number;
    if (info->si_code > 0) out.address = reinterpret_cast<std::uintptr_t>(info->si_addr);
    ::prctl(PR_GET_NAME, out.thread.data());
    ::clock_gettime(CLOCK_REALTIME, &out.when);
    const auto at = crashed_at(context);
    if (survives([&] { out.count = ::backtrace(out.stack.data(), most_frames); }))
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

template <std::size_t N>
void add_time(signal_text<N>& out, const timespec& when) noexcept {
    using namespace std::chrono;
    const sys_seconds now{seconds{when.tv_sec}};
    const auto day = floor<days>(now);
    const year_month_day date{day};
    const hh_mm_ss time{now - day};
    const auto number = [](auto value) { return static_cast<std::uint64_t>(value); };
    out.add_number(number(static_cast<int>(date.year())), 4).add("-");
    out.add_number(static_cast<unsigned>(date.month()), 2).add("-");
    out.add_number(static_cast<unsigned>(date.day()), 2).add("T");
    out.add_number(number(time.hours().count()), 2).add(":");
    out.add_number(number(time.minutes().count()), 2).add(":");
    out.add_number(number(time.seconds().count()), 2).add(".");
    out.add_number(number(when.tv_nsec) / 1'000'000, 3).add("Z");
}

/// Addresses in the program's own file as offsets into it, as addr2line takes them.
template <std::size_t N>
void add_frames(signal_text<N>& out, const facts& crash) noexcept {
    bool first = true;
    for (void* const frame : crash.frames()) {
        const auto address = reinterpret_cast<std::uintptr_t>(frame);
        if (!std::exchange(first, false)) out.add(" ");
        if (address >= words().code_begin && address < words().code_end)
            out.add("+").add_hex(address - words().code_begin);
        else
            out.add_hex(address);
    }
}

void tell_operator(const facts& crash) noexcept {
    static signal_text<4096> line;
    const auto& all = words();
    const std::string_view thread(crash.thread.data());
    if (all.json_lines) {
        line.add(R"({"time":")");
        add_time(line, crash.when);
        line.add(R"(","level":"fatal","message":"crashed","program":")").add(all.program.view());
        line.add(R"(","signal":")").add(name_of(crash.number)).add(R"(","address":")").add_hex(crash.address);
        line.add(R"(","thread":")").add_clean(thread).add(R"(","reason":")").add_clean(all.reason.view());
        line.add(R"(","frames":")");
        add_frames(line, crash);
        line.add("\"}\n");
    } else {
        line.add(all.program.view()).add(" crashed: ").add(name_of(crash.number)).add(" at ");
        line.add_hex(crash.address).add(" in thread ").add_clean(thread);
        if (!all.reason.view().empty()) line.add(" (").add_clean(all.reason.view()).add(")");
        line.add(": ");
        add_frames(line, crash);
        line.add("\n");
    }
    write_all(STDERR_FILENO, line.view());
}

/// The program anew, with its stdin at the end of a pipe and nothing else of ours but stdout and stderr: a
/// listening socket in its hands would go on taking clients. -1: it cannot be started.
pid_t start_child(int& to_child) noexcept {
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC) != 0) return -1;
    const auto id = ::_Fork();
    if (id == 0) {
        ::dup2(ends[0], STDIN_FILENO);
        ::close_range(STDERR_FILENO + 1, ~0U, 0);
        sigset_t none;
        sigemptyset(&none);
        ::sigprocmask(SIG_SETMASK, &none, nullptr);
        static char name[] = "crash-report";
        static std::array<char, crash_flag.size() + 1> flag = [] {
            std::array<char, crash_flag.size() + 1> out{};
            crash_flag.copy(out.data(), crash_flag.size());
            return out;
        }();
        char* const arguments[] = {name, flag.data(), nullptr};
        ::execve("/proc/self/exe", arguments, environ);
        ::_exit(127);
    }
    ::close(ends[0]);
    to_child = ends[1];
    return id;
}

/// What the thread was busy with: any of it may be at fault.
template <std::size_t N>
void add_requests(signal_text<N>& out) noexcept {
    for (const auto& each : crash_notes::all()) {
        if (!each.taken.load() || each.thread != words().thread.load()) continue;
        out.add("\nrequest ").add_clean(each.request.view()).add("\nroute ").add_clean(each.route);
        out.add("\ntenant ").add_clean(each.tenant.view()).add("\nuser ").add_clean(each.user.view());
    }
}

void write_report(int to, const facts& crash) noexcept {
    static signal_text<32768> text;
    const auto& all = words();
    text.add(all.preamble.view());
    text.add("time ").add_number(static_cast<std::uint64_t>(crash.when.tv_sec)).add("\n");
    text.add("signal ").add(name_of(crash.number)).add("\naddress ").add_hex(crash.address);
    text.add("\nthread ").add_clean(crash.thread.data()).add("\nreason ").add_clean(all.reason.view());
    for (void* const frame : crash.frames())
        text.add("\nframe ").add_hex(reinterpret_cast<std::uintptr_t>(frame));
    add_requests(text);
    text.add("\nmaps\n");
    write_all(to, text.view());
    const int maps = ::open("/proc/self/maps", O_RDONLY | O_CLOEXEC);
    if (maps < 0) return;
    static std::array<char, 4096> piece;
    for (auto count = ::read(maps, piece.data(), piece.size()); count > 0;
         count = ::read(maps, piece.data(), piece.size()))
        write_all(to, {piece.data(), static_cast<std::size_t>(count)});
    ::close(maps);
}

void send_report(const facts& crash) noexcept {
    int to_child = -1;
    const auto child = start_child(to_child);
    if (child < 0) return;
    write_report(to_child, crash);
    ::close(to_child);
    constexpr timespec pause{0, 10'000'000};
    for (int i = 0; i < child_polls && ::waitpid(child, nullptr, WNOHANG) == 0; ++i)
        ::nanosleep(&pause, nullptr);
}

extern "C" void on_crash(int number, siginfo_t* info, void* context) {
    auto& all = words();
    if (all.begun.exchange(true)) {
        while (::gettid() != all.thread.load()) ::pause();  // another thread was first and will end us all
        if (all.guarded.load()) ::siglongjmp(all.way_out, 1);
        die_of(all.number.load());
        return;
    }
    all.number.store(number);
    all.thread.store(::gettid());
    sigset_t late;
    sigemptyset(&late);
    sigaddset(&late, SIGALRM);
    ::signal(SIGALRM, on_late);
    ::pthread_sigmask(SIG_UNBLOCK, &late, nullptr);
    ::alarm(patience_seconds);
    static facts crash;
    collect(crash, number, info, context);
    tell_operator(crash);
    if (!all.preamble.view().empty()) send_report(crash);
    // What the processor refused it will refuse again on return: the core then shows the very place.
    if (info->si_code > 0)
        ::signal(number, SIG_DFL);
    else
        die_of(number);
}

[[noreturn]] void on_terminate() noexcept {
    auto& reason = words().reason;
    if (const auto* type = abi::__cxa_current_exception_type()) {
        int status = 0;
        auto* readable = abi::__cxa_demangle(type->name(), nullptr, nullptr, &status);
        reason.add("uncaught ").add(readable ? readable : type->name());
        try {
            throw;
        } catch (const std::exception& e) {
            reason.add(": ").add(e.what());
        } catch (...) {
        }
    } else {
        reason.add("std::terminate");
    }
    std::abort();
}

int remember_code(dl_phdr_info* program, std::size_t, void*) {
    auto& all = words();
    all.code_begin = program->dlpi_addr;
    for (const auto& part : std::span(program->dlpi_phdr, program->dlpi_phnum))
        if (part.p_type == PT_LOAD)
            all.code_end =
                std::max<std::uintptr_t>(all.code_end, all.code_begin + part.p_vaddr + part.p_memsz);
    return 1;  // the first one is the program itself
}

}  // namespace

void catch_crashes(const crash_settings& settings) {
    if (sanitized) return;
    auto& all = words();
    all.json_lines = settings.json_lines;
    all.program.add_clean(settings.program);
    if (!settings.url.empty()) {
        const auto& from = settings.origin;
        all.preamble.add("url ").add_clean(settings.url).add("\nkey ").add_clean(settings.key.reveal());
        all.preamble.add("\nprogram ").add_clean(settings.program).add("\nrelease ").add_clean(from.release);
        all.preamble.add("\nenvironment ").add_clean(from.environment);
        all.preamble.add("\nserver ").add_clean(from.server_name).add("\n");
    }
    ::dl_iterate_phdr(&remember_code, nullptr);
    std::array<void*, 1> warm_up{};
    ::backtrace(warm_up.data(), 1);  // loads the unwinder, which a handler must not
    give_signal_stack();
    std::set_terminate(&on_terminate);
    struct sigaction action {};
    action.sa_sigaction = &on_crash;
    action.sa_flags = SA_SIGINFO | SA_ONSTACK | SA_NODEFER;
    sigfillset(&action.sa_mask);
    for (const int number : fatal_signals) sigdelset(&action.sa_mask, number);
    for (const int number : fatal_signals) ::sigaction(number, &action, nullptr);
}

}  // namespace bulkhead::telemetry
