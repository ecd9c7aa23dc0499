// SPDX-License-Identifier: Apache-2.0
#include "telemetry/crash_words.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <string_view>
#include <utility>

#include "observability/crash_notes.hpp"

namespace bulkhead::telemetry {
namespace {

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

void write_all(int to, std::string_view text) noexcept {
    while (!text.empty()) {
        const auto count = ::write(to, text.data(), text.size());
        if (count <= 0 && errno != EINTR) return;
        if (count > 0) text.remove_prefix(static_cast<std::size_t>(count));
    }
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
void add_frames(signal_text<N>& out, const last_words& known, const crash_facts& crash) noexcept {
    bool first = true;
    for (void* const frame : crash.frames()) {
        const auto address = reinterpret_cast<std::uintptr_t>(frame);
        if (!std::exchange(first, false)) out.add(" ");
        if (address >= known.code_begin && address < known.code_end)
            out.add("+").add_hex(address - known.code_begin);
        else
            out.add_hex(address);
    }
}

/// What the thread was busy with: any of it may be at fault.
template <std::size_t N>
void add_requests(signal_text<N>& out, const crash_facts& crash) noexcept {
    for (const auto& each : crash_notes::all()) {
        if (!each.taken.load() || each.thread != crash.thread_id) continue;
        out.add("\nrequest ").add_clean(each.request.view()).add("\nroute ").add_clean(each.route);
        out.add("\ntenant ").add_clean(each.tenant.view()).add("\nuser ").add_clean(each.user.view());
    }
}

}  // namespace

void tell_operator(const last_words& known, const crash_facts& crash) noexcept {
    static signal_text<4096> line;
    const std::string_view thread(crash.thread.data());
    if (known.json_lines) {
        line.add(R"({"time":")");
        add_time(line, crash.when);
        line.add(R"(","level":"fatal","message":"crashed","program":")").add(known.program.view());
        line.add(R"(","signal":")").add(name_of(crash.number)).add(R"(","address":")").add_hex(crash.address);
        line.add(R"(","thread":")").add_clean(thread).add(R"(","reason":")").add_clean(known.reason.view());
        line.add(R"(","frames":")");
        add_frames(line, known, crash);
        line.add("\"}\n");
    } else {
        line.add(known.program.view()).add(" crashed: ").add(name_of(crash.number)).add(" at ");
        line.add_hex(crash.address).add(" in thread ").add_clean(thread);
        if (!known.reason.view().empty()) line.add(" (").add_clean(known.reason.view()).add(")");
        line.add(": ");
        add_frames(line, known, crash);
        line.add("\n");
    }
    write_all(STDERR_FILENO, line.view());
}

void write_report(int to, const last_words& known, const crash_facts& crash) noexcept {
    static signal_text<32768> text;
    text.add(known.preamble.view());
    text.add("time ").add_number(static_cast<std::uint64_t>(crash.when.tv_sec)).add("\n");
    text.add("signal ").add(name_of(crash.number)).add("\naddress ").add_hex(crash.address);
    text.add("\nthread ").add_clean(crash.thread.data()).add("\nreason ").add_clean(known.reason.view());
    for (void* const frame : crash.frames())
        text.add("\nframe ").add_hex(reinterpret_cast<std::uintptr_t>(frame));
    add_requests(text, crash);
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

}  // namespace bulkhead::telemetry
