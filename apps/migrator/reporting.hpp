// SPDX-License-Identifier: Apache-2.0
// What the commands about tenants have in common: how they act, print and explain. One thread.
#pragma once

#include <expected>
#include <string>
#include <string_view>

#include "commands.hpp"
#include "lifecycle/operation.hpp"

namespace bulkhead::migrator {

/// Acts in the name of "cli:<user>". Steps of long work are printed with `label` in front, and stop after a
/// signal.
lifecycle::site site_of(const context& with, std::string label);

/// One line, or one object, for a tenant; `more` is added to the object.
void print(const context& with, const tenancy::tenant& one, const json::object& more = {});

/// The object of a tenant.
json::object describe(const tenancy::tenant& one);

/// "go on with: bulkhead-migrator tenant repair acme"
std::string how_to_go_on(std::string_view slug);

/// The object of a piece of work.
json::object describe(const lifecycle::operation& work);

/// "tenant acme: this slug is taken"
std::string explain(std::string_view what, std::string_view name, const error& why);
std::string explain(const error& why, std::string_view slug);

/// Says why a command about a tenant failed, and what to do when work on it is not finished. The exit status:
/// exit_locked when another process is at it.
exit_code complain(const context& with, lifecycle::site& at, const error& why, std::string_view slug);

/// Does the work that was begun, or says why it could not begin, or how to go on with what is left of it.
/// exit_ok when it succeeded.
exit_code carry_out(const context& with, lifecycle::site& at, std::string_view slug,
                    const result<lifecycle::operation>& begun);

/// The first line of a file that holds one secret; at most 4096 bytes of UTF-8.
std::expected<secret, std::string> read_secret_file(const std::string& path);

}  // namespace bulkhead::migrator
