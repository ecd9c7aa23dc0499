// SPDX-License-Identifier: Apache-2.0
// Accounts as the API speaks of them.
#pragma once

#include <boost/describe.hpp>
#include <string>
#include <variant>

#include "auth/role.hpp"
#include "base/time.hpp"
#include "base/uuid.hpp"
#include "schema/schema.hpp"
#include "schema/variant.hpp"

namespace bulkhead::accounts {

struct user {
    uuid id;
    std::string email;
    std::string name;
    auth::role role = auth::role::member;
    bool email_verified = false;
    utc_time created_at;
};
BOOST_DESCRIBE_STRUCT(user, (), (id, email, name, role, email_verified, created_at))

/// How the client gets its token: with the answer, or as a cookie that its scripts cannot read.
enum class transport { body, cookie };
BOOST_DESCRIBE_ENUM(transport, body, cookie)
using wanted_transport = schema::or_default<accounts::transport, transport::body>;

struct signup_input {
    schema::email email;
    schema::password_text password;
    schema::text<1, 200> name;
    wanted_transport transport;
};
BOOST_DESCRIBE_STRUCT(signup_input, (), (email, password, name, transport))

struct login_input {
    schema::email email;
    schema::password_text password;
    wanted_transport transport;
};
BOOST_DESCRIBE_STRUCT(login_input, (), (email, password, transport))

/// The answer to signup and login.
struct session {
    accounts::user user;
    std::string access_token;
    std::string token_type = "Bearer";
    std::int64_t expires_in = 0;  // seconds
};
BOOST_DESCRIBE_STRUCT(session, (), (user, access_token, token_type, expires_in))

/// The same when the token goes as a cookie: then nothing else may hold it.
struct cookie_session {
    accounts::user user;
    std::int64_t expires_in = 0;  // seconds
};
BOOST_DESCRIBE_STRUCT(cookie_session, (), (user, expires_in))

using opened_session = std::variant<session, cookie_session>;

}  // namespace bulkhead::accounts
