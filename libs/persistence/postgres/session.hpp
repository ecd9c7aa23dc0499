// SPDX-License-Identifier: Apache-2.0
// A blocking connection for admin work: migrations, provisioning, command line tools. Never used on a
// reactor: requests go through the pools. One thread at a time. Every wait has a deadline. Errors follow
// sqlstate.hpp and are free of the server's words; operators find those in last_error().
#pragma once

#include <chrono>
#include <cstddef>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/error.hpp"
#include "base/uuid.hpp"
#include "persistence/postgres/conninfo.hpp"

struct pg_result;

namespace bulkhead::postgres {

/// A statement's parameter in text form; nullopt is NULL.
class parameter {
public:
    parameter(std::nullopt_t) {}
    parameter(const char* text) : text_(text) {}
    parameter(std::string text) : text_(std::move(text)) {}
    parameter(std::string_view text) : text_(text) {}
    parameter(const uuid& id) : text_(id.to_string()) {}
    parameter(std::int64_t number) : text_(std::to_string(number)) {}
    parameter(int number) : text_(std::to_string(number)) {}
    parameter(bool) = delete;  // write 'true' or 'false' into the statement

    [[nodiscard]] const char* text() const noexcept { return text_ ? text_->c_str() : nullptr; }

private:
    std::optional<std::string> text_;
};

/// The rows of one statement, in text form. Views live as long as this object.
class rows {
public:
    explicit rows(std::shared_ptr<pg_result> result) : result_(std::move(result)) {}

    [[nodiscard]] std::size_t size() const noexcept;
    [[nodiscard]] bool empty() const noexcept { return size() == 0; }
    [[nodiscard]] bool is_null(std::size_t row, std::size_t column) const noexcept;

    /// "" for NULL.
    [[nodiscard]] std::string_view text(std::size_t row, std::size_t column) const noexcept;

    /// 0 for NULL and for what is no integer.
    [[nodiscard]] std::int64_t integer(std::size_t row, std::size_t column) const noexcept;

    [[nodiscard]] bool boolean(std::size_t row, std::size_t column) const noexcept {
        return text(row, column) == "t";
    }

    /// How many rows an INSERT, UPDATE or DELETE touched.
    [[nodiscard]] std::size_t affected() const noexcept;

private:
    std::shared_ptr<pg_result> result_;
};

/// What the server, or libpq, said about the last failure, without the data that it failed on
/// (failure_words.hpp). For logs and operators, never for clients.
struct database_error {
    std::string sqlstate;  // empty when the connection broke
    std::string message;
    std::string detail;
    std::string hint;
    std::size_t position = 0;  // in characters from 1; 0: unknown

    /// "message (SQLSTATE 42P01). Detail. Hint"
    [[nodiscard]] std::string to_string() const;
};

class session {
public:
    /// Connects within `timeout`, which covers every address of the host. When it fails and `why` is given,
    /// `why` receives the reason for operators. The server looks every second whether we are still there,
    /// unless `defaults` says how often.
    static result<session> open(const conninfo& target, std::chrono::milliseconds timeout,
                                const session_defaults& defaults = {}, database_error* why = nullptr);

    session(session&&) noexcept;
    session& operator=(session&&) noexcept;
    ~session();

    /// One statement with $1, $2, …
    result<rows> run(std::string_view sql, std::initializer_list<parameter> parameters = {});

    /// Any number of statements, as one implicit transaction unless the script or a transaction around it
    /// says otherwise. Rows are discarded; COPY from or to the client fails.
    result<void> run_script(std::string_view sql);

    /// The bound of each later run: at its end errc::deadline_exceeded is returned and the connection closed,
    /// upon which the server ends the statement within a second or so. 60 s unless set. Returns the bound
    /// before.
    std::chrono::milliseconds set_time_limit(std::chrono::milliseconds limit) noexcept;

    [[nodiscard]] const database_error& last_error() const noexcept;
    [[nodiscard]] std::string last_message() const { return last_error().to_string(); }
    [[nodiscard]] std::string_view last_sqlstate() const noexcept { return last_error().sqlstate; }

    /// Inside BEGIN … COMMIT, and not failed.
    [[nodiscard]] bool in_transaction() const noexcept;
    [[nodiscard]] bool is_open() const noexcept;

private:
    struct state;
    explicit session(std::unique_ptr<state> made);

    bool await_result();
    result<rows> collect();
    result<rows> give_up();

    std::unique_ptr<state> state_;
};

/// `name` as a quoted identifier; the connections' encoding is always UTF-8. Throws std::invalid_argument
/// when it is empty, not valid UTF-8 or holds a NUL.
[[nodiscard]] std::string quote_identifier(std::string_view name);

/// `text` as a string literal, for the statements that take no parameters. Throws as above, but takes "".
[[nodiscard]] std::string quote_literal(std::string_view text);

/// SQL that gives a timestamptz as RFC 3339 text, in UTC with milliseconds; NULL for NULL.
[[nodiscard]] std::string rfc3339(std::string_view expression);

/// Whether the server is there and does not let this login in: an unknown user or database, a wrong password,
/// no line for it in pg_hba.conf. Trying again does not help.
[[nodiscard]] bool login_refused(const database_error& failure) noexcept;

/// For the start of a program: up to `attempts` tries with growing, jittered pauses, one warning in the log
/// for each that fails. A refused login is not tried again. `why` receives the last reason.
result<session> open_with_retries(const conninfo& target, unsigned attempts = 3,
                                  const session_defaults& defaults = {}, database_error* why = nullptr);

}  // namespace bulkhead::postgres
