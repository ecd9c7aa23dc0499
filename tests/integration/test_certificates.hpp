// SPDX-License-Identifier: Apache-2.0
// A certificate authority of a test's own and certificates signed by it, made by the openssl command. Blocks;
// throws std::runtime_error.
#pragma once

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <vector>

namespace bulkhead::testing {

struct certificate_files {
    std::string certificate;
    std::string key;
};

class certificate_authority {
public:
    /// Its files go to `folder`, which must be there for as long as they are used.
    explicit certificate_authority(std::string folder) : folder_(std::move(folder)) {
        openssl({"-x509", "-subj", "/CN=test authority", "-keyout", folder_ + "/ca.key", "-out", ca_file()});
    }

    [[nodiscard]] std::string ca_file() const { return folder_ + "/ca.crt"; }

    /// Valid for a day, for what `subjects` says: "DNS:localhost,IP:127.0.0.1".
    [[nodiscard]] certificate_files sign(const std::string& subjects) {
        const auto base = folder_ + "/" + std::to_string(++made_);
        const certificate_files files{base + ".crt", base + ".key"};
        openssl({"-x509", "-CA", ca_file(), "-CAkey", folder_ + "/ca.key", "-subj", "/CN=test server",
                 "-addext", "subjectAltName=" + subjects, "-addext", "basicConstraints=critical,CA:FALSE",
                 "-keyout", files.key, "-out", files.certificate});
        return files;
    }

private:
    static void openssl(const std::vector<std::string>& more) {
        std::vector<std::string> argv{
            "openssl", "req",     "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes",  "-sha256", "-days",   "1"};
        argv.insert(argv.end(), more.begin(), more.end());
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

    std::string folder_;
    int made_ = 0;
};

}  // namespace bulkhead::testing
