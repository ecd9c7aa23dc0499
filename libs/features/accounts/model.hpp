// SPDX-License-Identifier: Apache-2.0
// Accounts as the API speaks of them.
#pragma once

#include <boost/describe.hpp>
#include <string>

#include "base/time.hpp"
#include "base/uuid.hpp"
#include "schema/schema.hpp"

namespace bulkhead::accounts {

enum class role { owner, admin, member, viewer };
BOOST_DESCRIBE_ENUM(role, owner, admin, member, viewer)

struct user {
    uuid id;
    std::string email;
    std::string name;
    accounts::role role = role::member;
    bool email_verified = false;
    utc_time created_at;
};
BOOST_DESCRIBE_STRUCT(user, (), (id, email, name, role, email_verified, created_at))

struct signup_input {
    schema::email email;
    schema::password_text password;
    schema::text<1, 200> name;
};
BOOST_DESCRIBE_STRUCT(signup_input, (), (email, password, name))

struct login_input {
    schema::email email;
    schema::password_text password;
};
BOOST_DESCRIBE_STRUCT(login_input, (), (email, password))

/// The answer to signup and login.
struct session {
    accounts::user user;
    std::string access_token;
    std::string token_type = "Bearer";
    std::int64_t expires_in = 0;  // seconds
};
BOOST_DESCRIBE_STRUCT(session, (), (user, access_token, token_type, expires_in))

}  // namespace bulkhead::accounts
