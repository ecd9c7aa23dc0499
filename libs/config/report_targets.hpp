// SPDX-License-Identifier: Apache-2.0
// Where errors and spans are sent, split from the settings that other tools understand too. Plain functions,
// safe from any thread; sentences never repeat a key.
#pragma once

#include <expected>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/secret.hpp"

namespace bulkhead::config {

/// A value, or what is wrong with its text.
template <class T>
using read_target = std::expected<T, std::string>;

/// A place that takes POST requests.
struct report_target {
    std::string url{};       // whole; empty: none
    bool encrypted = false;  // https
    bool near = false;       // on this host
};

struct sentry_target {
    report_target envelopes{};
    secret key{};  // public by name, but whoever has it can flood the project
};

/// https://key@host[:port][/prefix]/project, as Sentry shows it; http:// too. A secret after the key, which
/// old versions had, is dropped.
read_target<sentry_target> parse_sentry_dsn(std::string_view text);

/// http[s]://host[:port][/prefix]: the base of an OTLP/HTTP collector; the target is where it takes traces.
read_target<report_target> parse_otlp_endpoint(std::string_view text);

using report_headers = std::vector<std::pair<std::string, secret>>;

/// name=value,name=value; values are percent-decoded.
read_target<report_headers> parse_otlp_headers(std::string_view text);

/// 0 to 1.
read_target<double> parse_ratio(std::string_view text);

}  // namespace bulkhead::config
