// SPDX-License-Identifier: Apache-2.0
// How jobs are printed for operators: as text, or as one JSON object a line. One thread.
#pragma once

#include <string>
#include <string_view>

#include "base/json.hpp"
#include "queue/dispatch.hpp"
#include "queue/job_desk.hpp"

namespace bulkhead::worker {

class jobs_output {
public:
    explicit jobs_output(bool as_json) : json_(as_json) {}

    /// One datum: the object with --json, else the text.
    void data(const json::object& object, std::string_view text) const;
    void heading(std::string_view text) const;
    /// The last datum; `object` gets "type":"summary". Without --json nothing is printed.
    void summary(json::object object) const;
    /// One line for people, on stderr.
    static void message(std::string_view text);

    void line_of(const queue::job_row& job) const;
    void all_of(const queue::job_row& job) const;
    void lane_line(queue::lane which, const queue::dispatch::numbers& of) const;
    void explanation(const queue::job_row& job, const queue::dispatch::explanation& why) const;

private:
    bool json_;
};

}  // namespace bulkhead::worker
