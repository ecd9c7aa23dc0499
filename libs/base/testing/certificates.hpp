// SPDX-License-Identifier: Apache-2.0
// A certificate authority of a test's own and certificates signed by it, made by the openssl command. Blocks;
// throws std::runtime_error.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace bulkhead::testing {

/// A folder of a test's own, gone with it.
class temporary_folder {
public:
    temporary_folder() {
        if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("no temporary folder");
    }
    ~temporary_folder() {
        std::error_code ignored;
        std::filesystem::remove_all(path_, ignored);
    }
    temporary_folder(const temporary_folder&) = delete;
    temporary_folder& operator=(const temporary_folder&) = delete;

    [[nodiscard]] const std::string& path() const { return path_; }

private:
    std::string path_ = std::string(std::filesystem::temp_directory_path()) + "/bulkhead_XXXXXX";
};

struct certificate_files {
    std::string certificate;
    std::string key;
};

class certificate_authority {
public:
    /// Its files go to `folder`, which must be there for as long as they are used.
    explicit certificate_authority(std::string folder) : folder_(std::move(folder)) {
        request({"-subj", "/CN=test authority", "-keyout", folder_ + "/ca.key", "-out", ca_file()}, {});
    }

    [[nodiscard]] std::string ca_file() const { return folder_ + "/ca.crt"; }

    /// Valid for a day, for what `subjects` says: "DNS:localhost,IP:127.0.0.1". `more` goes to openssl req.
    [[nodiscard]] certificate_files sign(const std::string& subjects,
                                         const std::vector<std::string>& more = {}) {
        const auto base = folder_ + "/" + std::to_string(++made_);
        certificate_files files{base + ".crt", base + ".key"};
        request({"-CA", ca_file(), "-CAkey", folder_ + "/ca.key", "-subj", "/CN=test server", "-addext",
                 "subjectAltName=" + subjects, "-addext", "basicConstraints=critical,CA:FALSE", "-keyout",
                 files.key, "-out", files.certificate},
                more);
        return files;
    }

    /// Runs the openssl command.
    static void openssl(std::vector<std::string> argv) {
        argv.insert(argv.begin(), "openssl");
        std::vector<char*> arguments;
        for (auto& argument : argv) arguments.push_back(argument.data());
        arguments.push_back(nullptr);
        posix_spawn_file_actions_t actions;
        posix_spawn_file_actions_init(&actions);
        posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
        pid_t process = -1;
        const bool started =
            posix_spawnp(&process, "openssl", &actions, nullptr, arguments.data(), environ) == 0;
        posix_spawn_file_actions_destroy(&actions);
        int status = -1;
        if (!started || waitpid(process, &status, 0) != process || status != 0)
            throw std::runtime_error("openssl made no certificate");
    }

private:
    static void request(std::vector<std::string> argv, const std::vector<std::string>& more) {
        const std::vector<std::string> standing{
            "req",    "-x509",   "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-sha256", "-days",   "1"};
        argv.insert(argv.begin(), standing.begin(), standing.end());
        argv.insert(argv.end(), more.begin(), more.end());
        openssl(std::move(argv));
    }

    std::string folder_;
    int made_ = 0;
};

}  // namespace bulkhead::testing
