// SPDX-License-Identifier: Apache-2.0
// Everything below on_crash() may only call what signal-safety(7) lists, and backtrace(), which is safe once
// it has been called before.
#include "telemetry/crash_handler.hpp"

#include <cxxabi.h>
#include <execinfo.h>
#include <fcntl.h>
#include <link.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <ctime>
#include <exception>
#include <span>
#include <typeinfo>

#include "base/sanitized.hpp"
#include "base/thread.hpp"
#include "telemetry/crash_facts.hpp"
#include "telemetry/crash_words.hpp"

namespace bulkhead::telemetry {
namespace {

constexpr std::array fatal_signals{SIGSEGV, SIGABRT, SIGBUS, SIGFPE, SIGILL};
constexpr unsigned patience_seconds = 4;  // in all, should even the handler get stuck
constexpr int child_polls = 300;          // of 10 ms

/// All that the handler uses, made before anything can go wrong.
struct handler_state {
    last_words words{};
    std::atomic<bool> begun{false};
    std::atomic<int> number{0};
    std::atomic<pid_t> thread{0};  // that crashed first
};

handler_state& state() noexcept {
    static handler_state all;
    return all;
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

extern "C" void on_late(int) { die_of(state().number.load()); }

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
        ::sigprocmask(SIG_SETMASK, &none, nullptr);  // NOLINT(concurrency-mt-unsafe): one thread is here
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

void send_report(const last_words& known, const crash_facts& crash) noexcept {
    int to_child = -1;
    const auto child = start_child(to_child);
    if (child < 0) return;
    write_report(to_child, known, crash);
    ::close(to_child);
    constexpr timespec pause{0, 10'000'000};
    for (int i = 0; i < child_polls && ::waitpid(child, nullptr, WNOHANG) == 0; ++i)
        ::nanosleep(&pause, nullptr);
}

extern "C" void on_crash(int number, siginfo_t* info, void* context) {
    auto& all = state();
    if (all.begun.exchange(true)) {
        while (::gettid() != all.thread.load()) ::pause();  // another thread was first and will end us all
        resume_collecting();
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
    static crash_facts crash;
    collect(crash, number, info, context);
    tell_operator(all.words, crash);
    if (!all.words.preamble.view().empty()) send_report(all.words, crash);
    // What the processor refused it will refuse again on return: the core then shows the very place.
    if (info->si_code > 0)
        ::signal(number, SIG_DFL);
    else
        die_of(number);
}

[[noreturn]] void on_terminate() noexcept {
    auto& reason = state().words.reason;
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
    auto& all = state().words;
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
    auto& all = state().words;
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
