// SPDX-License-Identifier: Apache-2.0
#include "persistence/postgres/conninfo.hpp"

#include <fmt/format.h>
#include <libpq-fe.h>

#include <algorithm>
#include <array>
#include <initializer_list>
#include <memory>

#include "base/text.hpp"

namespace bulkhead::postgres {
namespace {

struct scheme {
    std::string_view prefix;
    bool asyncpg;
};
constexpr std::array schemes{
    scheme{"postgresql://", false},
    scheme{"postgres://", false},
    scheme{"postgresql+asyncpg://", true},
    scheme{"postgres+asyncpg://", true},
};

constexpr std::size_t longest_url = 4096;

/// asyncpg spells libpq's sslmode `ssl`.
std::string translate_query(std::string_view rest) {
    const auto query = rest.find('?');
    if (query == std::string_view::npos) return std::string(rest);
    std::string out(rest.substr(0, query));
    char separator = '?';
    for (const auto item : split(rest.substr(query + 1), '&')) {
        out += std::exchange(separator, '&');
        out += item.starts_with("ssl=") ? fmt::format("sslmode={}", item.substr(4)) : std::string(item);
    }
    return out;
}

struct free_options {
    void operator()(PQconninfoOption* options) const noexcept { PQconninfoFree(options); }
};

void assign(conninfo& target, std::string_view keyword, const char* value) {
    if (keyword == "host")
        target.host = value;
    else if (keyword == "port")
        target.port = value;
    else if (keyword == "user")
        target.user = value;
    else if (keyword == "dbname")
        target.dbname = value;
    else if (keyword == "password")
        target.password = secret(value);
    else if (keyword == "sslmode")
        target.sslmode = value;
    else
        target.extra.emplace_back(keyword, value);
}

bool bad_port(std::string_view ports) {
    return std::ranges::any_of(split(ports, ','), [](std::string_view port) {
        if (port.size() > 5 || port.find_first_not_of("0123456789") != port.npos) return true;
        const auto number = port.empty() ? 5432 : std::stoi(std::string(port));
        return number < 1 || number > 65535;
    });
}

std::unexpected<error> bad_url(std::string_view what) {
    return fail(errc::validation_failed, fmt::format("the database URL {}", what));
}

void append_option(std::string& options, std::string_view name, std::chrono::milliseconds value) {
    if (value.count() <= 0) return;
    if (!options.empty()) options += ' ';
    options += fmt::format("-c {}={}", name, value.count());
}

void erase_keywords(conninfo& from, std::initializer_list<std::string_view> names) {
    std::erase_if(from.extra,
                  [&](const auto& each) { return std::ranges::find(names, each.first) != names.end(); });
}

/// The operator's own `options` come last, so they win.
std::string session_options(const conninfo& target, const session_defaults& defaults) {
    std::string options;
    append_option(options, "statement_timeout", defaults.statement_timeout);
    append_option(options, "lock_timeout", defaults.lock_timeout);
    append_option(options, "client_connection_check_interval", defaults.client_check_interval);
    append_option(options, "idle_in_transaction_session_timeout", defaults.idle_in_transaction_timeout);
    for (const auto& [keyword, value] : target.extra)
        if (keyword == "options") options += (options.empty() ? "" : " ") + value;
    return options;
}

}  // namespace

conninfo conninfo::with_database(std::string name) const {
    conninfo copy = *this;
    copy.dbname = std::move(name);
    return copy;
}

conninfo conninfo::with_login(std::string name, std::string role, secret role_password) const {
    conninfo copy = with_database(std::move(name));
    copy.user = std::move(role);
    copy.password = std::move(role_password);
    return copy;
}

conninfo conninfo::at_address(std::string to_host, std::string to_port) const {
    conninfo copy = *this;
    copy.host = std::move(to_host);
    copy.port = std::move(to_port);
    erase_keywords(copy, {"hostaddr", "service"});  // either may name an address, which libpq would prefer
    return copy;
}

conninfo conninfo::through(std::string pooler_host, std::string pooler_port) const {
    auto copy = at_address(std::move(pooler_host), std::move(pooler_port));
    erase_keywords(copy, {"options"});  // which PgBouncer refuses
    copy.through_pooler = true;
    return copy;
}

std::string conninfo::describe() const {
    return fmt::format("{}@{}:{}/{}", user.empty() ? "(default)" : user, host.empty() ? "(default)" : host,
                       port.empty() ? "5432" : port, dbname.empty() ? "(default)" : dbname);
}

bool conninfo::same_as(const conninfo& other) const noexcept {
    return host == other.host && port == other.port && user == other.user && dbname == other.dbname &&
           sslmode == other.sslmode && extra == other.extra && through_pooler == other.through_pooler &&
           constant_time_equal(password.reveal(), other.password.reveal());
}

result<conninfo> parse_database_url(std::string_view url) {
    if (url.size() > longest_url) return bad_url("is too long");
    // libpq would silently stop at a NUL; white space is a paste accident that it would take as part of a
    // name.
    if (std::ranges::any_of(url, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == 0x7f; }))
        return bad_url("contains white space or control characters");
    const auto found =
        std::ranges::find_if(schemes, [&](const scheme& s) { return url.starts_with(s.prefix); });
    if (found == schemes.end())
        return bad_url("must start with postgresql://, postgres:// or postgresql+asyncpg://");
    const auto rest = url.substr(found->prefix.size());
    const auto plain = "postgresql://" + (found->asyncpg ? translate_query(rest) : std::string(rest));

    char* message = nullptr;
    const std::unique_ptr<PQconninfoOption, free_options> options(PQconninfoParse(plain.c_str(), &message));
    PQfreemem(message);  // not passed on: it can quote a part of the password
    if (!options) return bad_url("cannot be parsed: check its percent-encoding and its query parameters");

    conninfo target;
    for (const auto* option = options.get(); option->keyword; ++option)
        if (option->val) assign(target, option->keyword, option->val);
    if (target.dbname.empty()) return bad_url("names no database");
    if (bad_port(target.port)) return bad_url("has a port outside 1-65535");
    return target;
}

connection_parameters::connection_parameters(const conninfo& target, const session_defaults& defaults)
    : password_(target.password) {
    const auto add = [this](std::string_view keyword, std::string value) {
        if (!value.empty()) storage_.emplace_back(keyword, std::move(value));
    };
    add("connect_timeout", "3");
    add("tcp_user_timeout", "10000");
    add("keepalives", "1");
    add("keepalives_idle", "10");
    add("keepalives_interval", "5");
    add("keepalives_count", "3");
    for (const auto& [keyword, value] : target.extra)  // libpq lets the later of two equal keywords win
        if (keyword != "options") add(keyword, value);
    add("host", target.host);
    add("port", target.port);
    add("user", target.user);
    add("dbname", target.dbname);
    add("sslmode", target.sslmode);
    add("application_name", defaults.application_name);
    add("client_encoding", "UTF8");
    add("options", session_options(target, defaults));

    for (const auto& [keyword, value] : storage_) {
        keywords_.push_back(keyword.c_str());
        values_.push_back(value.c_str());
    }
    if (!password_.empty()) {
        keywords_.push_back("password");
        values_.push_back(password_.reveal().data());  // a std::string is behind it: NUL-terminated
    }
    keywords_.push_back(nullptr);
    values_.push_back(nullptr);
}

}  // namespace bulkhead::postgres
