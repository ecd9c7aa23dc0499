// SPDX-License-Identifier: Apache-2.0
#include "http/access_log.hpp"

#include "http/exchange.hpp"
#include "observability/log.hpp"

namespace bulkhead::http {
namespace {

using std::chrono::steady_clock;

constexpr std::size_t longest_path = 512, longest_agent = 128;

constexpr double all_noise = static_cast<double>(std::minstd_rand::max()) + 1;

void write(const answered& what) {
    const auto agent = what.head.find("User-Agent").value_or(std::string_view());
    const auto& from = what.request->origin();
    const auto client = from.client.to_string();
    const auto& place = what.request->trace();
    const trace::hex_text trace_id(place.trace);
    log::info("request",
              {{"request_id", what.request_id},
               {"trace_id", place.known() ? trace_id.view() : std::string_view()},
               {"tenant", what.tenant},
               {"user", what.user},
               {"client", client},
               {"method", what.head.method_text},
               {"route", what.row ? what.row->path : std::string_view()},
               {"path", what.head.path.substr(0, longest_path)},
               {"status", static_cast<unsigned>(what.answer.code)},
               {"bytes", what.bytes},
               {"duration_us", std::chrono::duration_cast<std::chrono::microseconds>(what.duration).count()},
               {"tls", from.secure},
               {"user_agent", agent.substr(0, longest_agent)}});
}

}  // namespace

access_log::access_log(const access_log_options& wanted)
    : options_(wanted),
      noise_(std::random_device{}()),
      threshold_(static_cast<std::uint64_t>(wanted.part * all_noise)) {}

void access_log::on_answer(const answered& what) {
    if (chosen() || exceptional(what)) write(what);
}

bool access_log::chosen() { return options_.part >= 1 || (threshold_ > 0 && noise_() < threshold_); }

bool access_log::exceptional(const answered& what) {
    if (static_cast<unsigned>(what.answer.code) < 500 && what.duration < options_.slow) return false;
    const auto now = steady_clock::now();
    if (now - second_ >= std::chrono::seconds{1}) {
        second_ = now;
        exceptions_ = 0;
    }
    return exceptions_++ < most_exceptions;
}

}  // namespace bulkhead::http
