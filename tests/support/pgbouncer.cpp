// SPDX-License-Identifier: Apache-2.0
#include "support/pgbouncer.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <pwd.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <stdexcept>
#include <thread>
#include <vector>

namespace bulkhead::testing {
namespace {

using namespace std::chrono_literals;
constexpr auto patience = 30s;

// The directory is not always in the PATH of a plain user.
constexpr const char* program = "/usr/sbin/pgbouncer";  // of the Debian package

sockaddr_in loopback(std::uint16_t port) {
    sockaddr_in out{};
    out.sin_family = AF_INET;
    out.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    out.sin_port = htons(port);
    return out;
}

/// Below the range that the kernel gives to outgoing connections.
std::string free_port() {
    std::random_device random;
    for (int i = 0; i < 1000; ++i) {
        const auto port = std::uniform_int_distribution<std::uint16_t>(15'000, 32'000)(random);
        const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        const auto address = loopback(port);
        const bool free = bind(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
        close(probe);
        if (free) return std::to_string(port);
    }
    throw std::runtime_error("no free port");
}

/// The parts of postgresql://user:password@host:port/database, which the servers print in this form.
struct url_parts {
    std::string user, password, host, port;
};
url_parts parts_of(const std::string& url) {
    const auto at = url.find('@');
    const auto user = url.find("//") + 2;
    const auto colon = url.find(':', user);
    const auto port = url.find(':', at);
    return {url.substr(user, colon - user), url.substr(colon + 1, at - colon - 1),
            url.substr(at + 1, port - at - 1), url.substr(port + 1, url.find('/', port) - port - 1)};
}

}  // namespace

pgbouncer::pgbouncer(const servers& behind, int pool_size) : port_(free_port()) {
    std::string pattern = (std::filesystem::temp_directory_path() / "bulkhead-pgbouncer-XXXXXX").string();
    if (!mkdtemp(pattern.data())) throw std::runtime_error("no temporary directory");
    home_ = pattern;
    try {
        configure(behind, pool_size);
        start();
    } catch (...) {
        kill_now();
        std::filesystem::remove_all(home_);
        throw;
    }
}

pgbouncer::~pgbouncer() {
    kill_now();
    std::error_code ignored;
    std::filesystem::remove_all(home_, ignored);
}

void pgbouncer::configure(const servers& behind, int pool_size) {
    const auto server = parts_of(behind.database_url());
    std::ofstream(home_ + "/users") << fmt::format("\"{}\" \"{}\"\n", server.user, server.password);
    std::ofstream(home_ + "/ini") << fmt::format(
        "[databases]\n* = host={} port={}\n"
        "[pgbouncer]\nlisten_addr = {}\nlisten_port = {}\nunix_socket_dir =\npool_mode = transaction\n"
        "auth_type = scram-sha-256\nauth_file = {}/users\nauth_user = {}\n"
        "max_client_conn = 500\ndefault_pool_size = {}\nserver_login_retry = 1\nlogfile = {}/log\n",
        server.host, server.port, host_, port_, home_, server.user, pool_size, home_);
    std::ofstream(home_ + "/log");
    if (geteuid() != 0) return;
    const auto* const postgres = getpwnam("postgres");  // PgBouncer does not run as root
    if (!postgres) throw std::runtime_error("there is no user postgres");
    for (const char* each : {"", "/users", "/ini", "/log"})
        if (chown((home_ + each).c_str(), postgres->pw_uid, postgres->pw_gid) != 0)
            throw std::runtime_error("chown");
}

void pgbouncer::start() {
    std::vector<std::string> words{"setpriv", "--pdeathsig", "KILL"};
    if (geteuid() == 0) words.insert(words.end(), {"--reuid=postgres", "--regid=postgres", "--init-groups"});
    words.insert(words.end(), {program, "-q", home_ + "/ini"});
    std::vector<char*> arguments;
    for (auto& each : words) arguments.push_back(each.data());
    arguments.push_back(nullptr);
    if (posix_spawnp(&process_, arguments[0], nullptr, nullptr, arguments.data(), environ) != 0) {
        process_ = -1;
        throw std::runtime_error("setpriv cannot be started");
    }
    for (const auto end = std::chrono::steady_clock::now() + patience; !answers();
         std::this_thread::sleep_for(10ms)) {
        if (waitpid(process_, nullptr, WNOHANG) == process_) {
            process_ = -1;
            throw std::runtime_error("pgbouncer ended");
        }
        if (std::chrono::steady_clock::now() > end) throw std::runtime_error("pgbouncer does not answer");
    }
}

bool pgbouncer::answers() const {
    const int probe = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const auto address = loopback(static_cast<std::uint16_t>(std::stoi(port_)));
    const bool up = connect(probe, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
    close(probe);
    return up;
}

void pgbouncer::kill_now() noexcept {
    if (process_ <= 0) return;
    kill(process_, SIGKILL);
    while (waitpid(process_, nullptr, 0) < 0 && errno == EINTR) {
    }
    process_ = -1;
}

void pgbouncer::restart() {
    kill_now();
    start();
}

}  // namespace bulkhead::testing
