// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/random.hpp"
#include "base/testing/catch.hpp"
#include "lifecycle/archive.hpp"
#include "lifecycle/archive_file.hpp"
#include "lifecycle/archive_tar.hpp"

namespace bulkhead::lifecycle {
namespace {

namespace fs = std::filesystem;

struct folder {
    folder() { REQUIRE(::mkdtemp(path.data()) != nullptr); }
    folder(const folder&) = delete;
    folder& operator=(const folder&) = delete;
    ~folder() { fs::remove_all(path); }
    [[nodiscard]] std::string file(std::string_view name) const { return fmt::format("{}/{}", path, name); }

    std::string path = (fs::temp_directory_path() / "archive-XXXXXX").string();
};

std::string read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

void write_file(const std::string& path, std::string_view text) {
    std::ofstream(path, std::ios::binary) << text;
}

std::string output_of(const std::string& shell_command) {
    std::string out;
    std::array<char, 4096> bytes{};
    auto* pipe = ::popen(shell_command.c_str(), "r");
    for (std::size_t count = 0; (count = std::fread(bytes.data(), 1, bytes.size(), pipe)) > 0;)
        out.append(bytes.data(), count);
    return ::pclose(pipe) == 0 ? out : "failed: " + out;
}

archive_manifest about(archived_dump dump) {
    return {.format = schema::text<1, 40>(std::string(archive_format)),
            .format_version = archive_number(archive_format_version),
            .tenant = {schema::text<1, 39>("acme"),
                       schema::text<1, 200>("Acme ☃"),
                       {.users = tenancy::quota(5),
                        .requests_per_minute = {},
                        .storage_bytes = {},
                        .jobs_in_flight = {}}},
            .schema_version = archive_number(2),
            .program_version = schema::text<1, 100>("1.2.3"),
            .server_version = archive_number(150004),
            .created_at = utc_time{},
            .dump = std::move(dump),
            .tables = tables_of({{"public.tasks", 100'000}, {"public.\"Other\"", 0}})};
}

std::string make_archive(const std::string& path, std::string_view dump) {
    auto file = archive_writer::create(path).value();
    for (std::size_t at = 0; at < dump.size(); at += 1000) REQUIRE(file.add(dump.substr(at, 1000)));
    REQUIRE(file.finish(about(file.end_dump(15))));
    return read_file(path);
}

/// What it says of itself, when that is so.
result<archive_manifest> verified(const std::string& path) {
    const auto file = archive_reader::open(path);
    if (!file) return std::unexpected(file.error());
    if (auto sound = file->verify(); !sound) return std::unexpected(std::move(sound.error()));
    return file->manifest();
}

/// The code and the words of the refusal.
std::string refusal(const folder& in, std::string_view bytes) {
    const auto path = in.file("altered.tar");
    write_file(path, bytes);
    const auto read = verified(path);
    if (read) return "accepted";
    REQUIRE(read.error().code == errc::validation_failed);
    CHECK(read.error().fields.at(0).pointer == "/archive");
    CHECK(read.error().fields.at(0).detail == read.error().detail);
    return fmt::format("{}: {}", read.error().fields.at(0).code, read.error().detail);
}

std::string member(std::string_view name, std::string_view bytes, std::uint64_t size) {
    const auto header = tar_header({std::string(name), size}, 0);
    std::string out(header.data(), header.size());
    out += bytes;
    return out.append(tar_padding(bytes.size()), '\0');
}
std::string member(std::string_view name, std::string_view bytes) {
    return member(name, bytes, bytes.size());
}

const std::string end_of_tar(2 * tar_block, '\0');

TEST_CASE("archive: what is written is read, by tar too", "[lifecycle]") {
    const folder in;
    const auto dump =
        random_bytes(GENERATE(std::size_t{0}, std::size_t{1}, std::size_t{512}, std::size_t{700'001}));
    const auto path = in.file("acme.tar");
    make_archive(path, dump);
    struct stat made {};
    REQUIRE(::stat(path.c_str(), &made) == 0);
    CHECK((made.st_mode & 0777) == 0600);
    CHECK_FALSE(fs::exists(path + ".partial"));

    const auto read = verified(path);
    REQUIRE(read);
    CHECK(read->tenant.slug.str() == "acme");
    CHECK(read->tenant.name.str() == "Acme ☃");
    CHECK(read->tenant.limits.users.value().value() == 5);
    CHECK(counts_of(*read) == std::vector<table_count>{{"public.tasks", 100'000}, {"public.\"Other\"", 0}});
    std::string again;
    REQUIRE(archive_reader::open(path).value().read_dump([&](std::string_view piece) -> result<void> {
        again += piece;
        return {};
    }));
    CHECK(again == dump);

    CHECK(output_of("tar tf " + path) == "database.dump\nmanifest.json\n");
    CHECK(output_of("tar xOf " + path + " database.dump") == dump);
    CHECK(output_of("cd " + in.path +
                    " && tar xf acme.tar && tar cf again.tar manifest.json database.dump") == "");
    CHECK(verified(in.file("again.tar")));
}

TEST_CASE("archive: a name that is taken, and one that is being written", "[lifecycle]") {
    const folder in;
    make_archive(in.file("a.tar"), "dump");
    CHECK(archive_writer::create(in.file("a.tar")).error().code == errc::conflict);
    {
        auto first = archive_writer::create(in.file("b.tar")).value();
        REQUIRE(first.add("something"));
        CHECK(archive_writer::create(in.file("b.tar")).error().code == errc::conflict);
        CHECK_FALSE(fs::exists(in.file("b.tar")));
    }
    CHECK_FALSE(fs::exists(in.file("b.tar.partial")));
    write_file(in.file("c.tar.partial"), std::string(5000, 'x'));  // of a run that was killed
    make_archive(in.file("c.tar"), "dump");
    CHECK(verified(in.file("c.tar")));
    CHECK_FALSE(archive_writer::create(in.file("missing/d.tar")));
}

TEST_CASE("archive: damage is found", "[lifecycle]") {
    const folder in;
    const auto dump = random_bytes(3000);
    const auto good = make_archive(in.file("good.tar"), dump);
    CHECK(refusal(in, good) == "accepted");
    CHECK(refusal(in, good + std::string(8192, '\0')) == "accepted");  // tar pads to its own blocks

    CHECK(verified(in.file("nothing.tar")).error().fields.at(0).code == "missing");
    CHECK(verified(in.path).error().fields.at(0).code == "missing");
    REQUIRE(::mkfifo(in.file("fifo").c_str(), 0600) == 0);
    CHECK(verified(in.file("fifo")).error().fields.at(0).code == "missing");
    CHECK(refusal(in, "") == "damaged: it is cut off");
    CHECK(refusal(in, std::string(10'000, 'x')) == "damaged: it holds something else than plain files");
    CHECK(refusal(in, end_of_tar) == "damaged: a part of it is missing");
    for (const std::size_t length : {100U, 512U, 600U, 3000U, 3584U, 4000U, 4300U}) {
        INFO(length);
        CHECK(refusal(in, good.substr(0, length)).starts_with("damaged: "));
    }
    // Every byte counts but those of padding.
    for (std::size_t at : {0U, 130U, 512U, 2000U, 3511U, 3584U, 4100U, 4200U}) {
        INFO(at);
        auto bad = good;
        bad[at] = static_cast<char>(bad[at] ^ 1);
        CHECK(refusal(in, bad).starts_with("damaged: "));
    }
}

TEST_CASE("archive: only its own two files, with possible sizes", "[lifecycle]") {
    const folder in;
    const auto good = make_archive(in.file("good.tar"), "dump");
    const auto manifest = output_of("tar xOf " + in.file("good.tar") + " manifest.json");
    const auto with_manifest = [&](std::string_view text) {
        return refusal(in, member("database.dump", "dump") + member("manifest.json", text) + end_of_tar);
    };
    const auto replaced = [&](std::string_view what, std::string_view by) {
        auto text = manifest;
        REQUIRE(text.find(what) != std::string::npos);
        return with_manifest(text.replace(text.find(what), what.size(), by));
    };
    CHECK(with_manifest(manifest) == "accepted");
    const std::string foreign = "damaged: it holds files that do not belong there";
    for (const std::string name :
         {"../../etc/passwd", "/etc/passwd", "./database.dump", "database.dump/", "x"}) {
        INFO(name);
        CHECK(refusal(in, member(name, "x") + good) == foreign);
    }
    CHECK(refusal(in, member("database.dump", "dump") + good) == foreign);
    CHECK(refusal(in, member("database.dump", "dump") + member("manifest.json", manifest) +
                          member("manifest.json", manifest) + end_of_tar) == foreign);
    auto link = member("database.dump", "");
    link[156] = '2';
    CHECK(refusal(in, link + good).starts_with("damaged: "));

    for (const std::uint64_t size :
         {std::uint64_t{1} << 20, std::uint64_t{1} << 40, (std::uint64_t{1} << 62)}) {
        INFO(size);
        CHECK(refusal(in, member("database.dump", "dump", size) + good) == "damaged: it is cut off");
    }
    auto negative = tar_header({"database.dump", 4}, 0);
    std::fill_n(negative.begin() + 124, 12, static_cast<char>(0xff));
    CHECK_FALSE(read_tar_header({negative.data(), negative.size()}));
    CHECK(with_manifest(std::string((1 << 20) + 1, ' ')) == "damaged: its manifest is too large");
    CHECK(with_manifest("{") == "damaged: its manifest cannot be read");
    CHECK(with_manifest("{}") == "damaged: it is not an archive of a tenant");
    CHECK(replaced("\"tables\"", "\"tabels\"") == "damaged: its manifest is not complete");
    CHECK(replaced("\"bytes\":4", "\"bytes\":5") ==
          "damaged: its dump has another size than its manifest says");
    CHECK(replaced("\"format_version\":1", "\"format_version\":2,\"added\":true") ==
          "newer: it has format version 2, this program knows 1: use a newer program");
}

TEST_CASE("archive: sizes beyond eight gibibytes", "[lifecycle]") {
    for (const std::uint64_t size :
         {std::uint64_t{0}, (std::uint64_t{1} << 33) - 1, std::uint64_t{1} << 33, std::uint64_t{123} << 40}) {
        const auto block = tar_header({"database.dump", size}, 1'700'000'000);
        const auto read = read_tar_header({block.data(), block.size()});
        REQUIRE(read);
        CHECK(read->size == size);
        CHECK(read->name == "database.dump");
    }
}

}  // namespace
}  // namespace bulkhead::lifecycle
