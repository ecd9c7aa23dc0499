// SPDX-License-Identifier: Apache-2.0
#include "command_table.hpp"

#include <array>

namespace bulkhead::migrator {
namespace {

constexpr std::array table{
    command_row{command::up, "", "up", "[--control | --tenants | --tenant SLUG] [--to N] [--dry-run]",
                "Runs pending migrations: the control database first, then one tenant after the other. A\n"
                "tenant that fails does not stop the others. --dry-run prints what would run."},
    command_row{command::status, "", "status", "",
                "The version of every database, and what is pending there."},
    command_row{
        command::doctor, "", "doctor", "",
        "Looks for what is wrong, or will be: rights and versions of the servers, connections, keys,\n"
        "databases and roles that nobody knows. Changes nothing. Exit status 10 when there is\n"
        "something to do."},

    command_row{command::tenant_create, "tenant", "create",
                "SLUG [--name NAME] [--owner-email E --owner-password-file F [--owner-name N]]\n"
                "[--server NAME] [--if-absent]",
                "Makes a tenant with a database and roles of its own, or completes one whose creation was\n"
                "interrupted. --if-absent accepts one that exists and leaves it as it is."},
    command_row{command::tenant_list, "tenant", "list", "[--status STATUS]",
                "All tenants, or those that are active, suspended, deleted, ..."},
    command_row{command::tenant_show, "tenant", "show", "SLUG",
                "What is known about a tenant: its place, limits, work that is not finished, and the last\n"
                "lines of its audit log."},
    command_row{command::tenant_suspend, "tenant", "suspend", "SLUG [--reason TEXT]",
                "Refuses all of its requests, and its role on the server, at once."},
    command_row{command::tenant_resume, "tenant", "resume", "SLUG", "Takes that back."},
    command_row{command::tenant_rename, "tenant", "rename", "SLUG NEW [--name NAME]",
                "Changes the slug, by which requests name the tenant. The old one is free at once."},
    command_row{command::tenant_limits, "tenant", "limits",
                "SLUG [--users N|none] [--requests-per-minute N|none]\n"
                "[--storage-bytes N|none] [--jobs-in-flight N|none]",
                "Sets what the tenant may use; limits that are not named stay. Without options: shows them."},
    command_row{command::tenant_end_sessions, "tenant", "end-sessions", "SLUG",
                "Makes every access token of the tenant invalid at once: all of its users have to log in\n"
                "again. It stays in use."},
    command_row{command::tenant_delete, "tenant", "delete", "SLUG --confirm=SLUG",
                "Puts the tenant out of reach at once and its database away, until it is purged."},
    command_row{command::tenant_undelete, "tenant", "undelete", "SLUG",
                "Brings a deleted tenant back with all of its data."},
    command_row{command::tenant_purge, "tenant", "purge", "SLUG --confirm=SLUG",
                "Destroys a deleted tenant: its keys first, then database, roles and what is elsewhere.\n"
                "Prints the deletion certificate as JSON. Cannot be taken back."},
    command_row{command::tenant_clone, "tenant", "clone", "SLUG NEW [--name NAME]",
                "Makes a new tenant with the data that this one has now, without its sessions, under roles\n"
                "and keys of its own. The source stays in use."},
    command_row{command::tenant_export, "tenant", "export", "SLUG --output FILE",
                "Writes all of its data of one moment to a new file, in the clear. The tenant stays in use."},
    command_row{command::tenant_import, "tenant", "import", "FILE SLUG [--name NAME]",
                "Makes a new tenant from such a file."},
    command_row{
        command::tenant_move, "tenant", "move", "SLUG --server NAME [--max-pause 30s]",
        "Takes the tenant to another server, with all data and sessions. Its requests get 503 while the\n"
        "data are copied; if that takes longer than the pause, the tenant goes on where it was."},
    command_row{command::tenant_repair, "tenant", "repair", "[SLUG]",
                "Goes on with work whose process died, of one tenant or of all; the worker does the same\n"
                "by itself."},

    command_row{command::server_add, "server", "add", "NAME --url-file FILE",
                "Registers a PostgreSQL server for tenants. The file holds the postgresql:// URL of a login\n"
                "with CREATEDB and CREATEROLE; it is stored sealed."},
    command_row{command::server_list, "server", "list", "", "The servers and how many tenants live there."},
    command_row{command::server_remove, "server", "remove", "NAME", "Forgets a server without tenants."},
    command_row{command::server_drain, "server", "drain", "NAME", "New tenants are made elsewhere."},
    command_row{command::server_accept, "server", "accept", "NAME", "New tenants may be made there."},
    command_row{command::server_pooler, "server", "pooler", "NAME HOST:PORT|none",
                "Requests reach the server's tenants through a PgBouncer there, or directly."},

    command_row{command::keys_generate, "keys", "generate", "", "Prints a new key for DATA_KEY."},
    command_row{command::keys_list, "keys", "list", "",
                "Which keys seal the secrets in the control database and in the tenants' databases, and how\n"
                "many of them. Exit status 3 when a tenant's database could not be reached."},
    command_row{command::keys_rotate, "keys", "rotate", "[--credentials [--tenant SLUG]]",
                "Seals everything again that is not sealed with DATA_KEY, in tenants' databases too;\n"
                "DATA_KEY_PREVIOUS is not needed afterwards, unless the exit status is 3: something could\n"
                "not be reached or opened. --credentials: gives the roles of all tenants, or of one, new\n"
                "passwords."},
};

}  // namespace

std::span<const command_row> command_table() noexcept { return table; }

}  // namespace bulkhead::migrator
