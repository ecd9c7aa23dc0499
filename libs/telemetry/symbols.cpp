// SPDX-License-Identifier: Apache-2.0
#include "telemetry/symbols.hpp"

#include <elf.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fstream>
#include <map>
#include <sstream>

#include "base/encoding.hpp"
#include "base/text.hpp"
#include "base/type_name.hpp"

namespace bulkhead::telemetry {
namespace {

constexpr std::size_t largest_file = std::size_t{1} << 30;

/// A structure at a place in the file; zeros where the file ends before.
template <class T>
T read_at(std::string_view bytes, std::uint64_t offset) {
    T out{};
    if (offset <= bytes.size() && sizeof(T) <= bytes.size() - offset)
        std::memcpy(&out, bytes.data() + offset, sizeof out);
    return out;
}

std::string_view part_of(std::string_view bytes, std::uint64_t offset, std::uint64_t size) {
    return offset > bytes.size() ? std::string_view() : bytes.substr(offset, size);
}

/// Calls `use` with each header of a table until it says true.
template <class Header, class Use>
void for_each(std::string_view bytes, std::uint64_t offset, unsigned count, Use use) {
    for (unsigned i = 0; i < count; ++i)
        if (use(read_at<Header>(bytes, offset + i * sizeof(Header)))) return;
}

std::uint64_t take_hex(std::string_view& text, char until) {
    std::uint64_t out = 0;
    const auto word = text.substr(0, text.find(until));
    std::from_chars(word.data(), word.data() + word.size(), out, 16);
    text.remove_prefix(std::min(text.size(), word.size() + 1));
    return out;
}

const mapping* find(const std::vector<mapping>& maps, std::uint64_t address) {
    const auto at = std::ranges::find_if(
        maps, [&](const mapping& each) { return address >= each.begin && address < each.end; });
    return at == maps.end() ? nullptr : &*at;
}

/// Where a file's mappings begin and end.
std::pair<std::uint64_t, std::uint64_t> extent_of(const std::vector<mapping>& maps, const std::string& file) {
    std::uint64_t begin = ~std::uint64_t{0}, end = 0;
    for (const auto& each : maps)
        if (each.file == file) {
            begin = std::min(begin, each.begin);
            end = std::max(end, each.end);
        }
    return {begin, end};
}

}  // namespace

std::vector<mapping> parse_maps(std::string_view text) {
    std::vector<mapping> out;
    for (auto line : split(text, '\n')) {  // 55d0-55e0 r-xp 00001000 08:01 42   /usr/bin/x
        const auto path = line.find('/');
        if (path == std::string_view::npos) continue;
        mapping each{.file = std::string(line.substr(path))};
        each.begin = take_hex(line, '-');
        each.end = take_hex(line, ' ');
        each.code = line.size() > 3 && line[2] == 'x';
        line.remove_prefix(std::min<std::size_t>(line.size(), 5));
        each.offset = take_hex(line, ' ');
        out.push_back(std::move(each));
    }
    return out;
}

std::vector<crash_image> images_of(const std::vector<mapping>& maps, const std::vector<crash_frame>& frames) {
    std::vector<crash_image> out;
    for (const auto& frame : frames) {
        const auto known = [&](const crash_image& each) { return each.file == frame.file; };
        if (frame.file.empty() || std::ranges::any_of(out, known)) continue;
        const auto [begin, end] = extent_of(maps, frame.file);
        const auto file = elf_file::open(frame.file);
        out.push_back({.address = begin,
                       .size = end - begin,
                       .file = frame.file,
                       .build_id = file ? file->build_id() : std::string{}});
    }
    return out;
}

void resolve(std::vector<crash_frame>& frames, const std::vector<mapping>& maps) {
    std::map<std::string, std::optional<elf_file>> files;
    for (std::size_t i = 0; i < frames.size(); ++i) {
        auto& frame = frames[i];
        const auto asked = i == 0 || frame.address == 0 ? frame.address : frame.address - 1;
        const auto* where = find(maps, asked);
        if (!where) continue;
        frame.file = where->file;
        frame.image = extent_of(maps, where->file).first;
        auto at = files.find(where->file);
        if (at == files.end()) at = files.emplace(where->file, elf_file::open(where->file)).first;
        if (at->second) frame.function = at->second->function_at(asked - where->begin + where->offset);
    }
}

std::optional<elf_file> elf_file::open(const std::string& path) {
    std::ifstream file(path, std::ios::binary | std::ios::ate);
    if (!file || file.tellg() <= 0 || static_cast<std::size_t>(file.tellg()) > largest_file)
        return std::nullopt;
    std::string bytes(static_cast<std::size_t>(file.tellg()), '\0');
    file.seekg(0);
    if (!file.read(bytes.data(), static_cast<std::streamsize>(bytes.size()))) return std::nullopt;
    const auto head = read_at<Elf64_Ehdr>(bytes, 0);
    if (std::memcmp(head.e_ident, ELFMAG, SELFMAG) != 0 || head.e_ident[EI_CLASS] != ELFCLASS64 ||
        head.e_phentsize != sizeof(Elf64_Phdr) || (head.e_shnum && head.e_shentsize != sizeof(Elf64_Shdr)))
        return std::nullopt;
    return elf_file(std::move(bytes));
}

std::string elf_file::function_at(std::uint64_t offset) const {
    const auto head = read_at<Elf64_Ehdr>(bytes_, 0);
    std::uint64_t address = 0;
    for_each<Elf64_Phdr>(bytes_, head.e_phoff, head.e_phnum, [&](const Elf64_Phdr& part) {
        const bool here =
            part.p_type == PT_LOAD && offset >= part.p_offset && offset - part.p_offset < part.p_filesz;
        if (here) address = offset - part.p_offset + part.p_vaddr;
        return here;
    });
    std::string best;
    for_each<Elf64_Shdr>(bytes_, head.e_shoff, head.e_shnum, [&](const Elf64_Shdr& table) {
        if (table.sh_type != SHT_SYMTAB && table.sh_type != SHT_DYNSYM) return false;
        const auto names = read_at<Elf64_Shdr>(bytes_, head.e_shoff + table.sh_link * sizeof(Elf64_Shdr));
        const auto count = static_cast<unsigned>(table.sh_size / sizeof(Elf64_Sym));
        for_each<Elf64_Sym>(bytes_, table.sh_offset, count, [&](const Elf64_Sym& symbol) {
            if (ELF64_ST_TYPE(symbol.st_info) != STT_FUNC || address < symbol.st_value ||
                address - symbol.st_value >= symbol.st_size)
                return false;
            const auto text = part_of(bytes_, names.sh_offset + symbol.st_name, bytes_.size());
            best = text.substr(0, text.find('\0'));
            return true;
        });
        return !best.empty();
    });
    return best.empty() ? best : demangled(best.c_str());
}

std::string elf_file::build_id() const {
    const auto head = read_at<Elf64_Ehdr>(bytes_, 0);
    std::string out;
    for_each<Elf64_Phdr>(bytes_, head.e_phoff, head.e_phnum, [&](const Elf64_Phdr& part) {
        if (part.p_type != PT_NOTE) return false;
        auto notes = part_of(bytes_, part.p_offset, part.p_filesz);
        const auto padded = [](std::uint64_t size) { return (size + 3) / 4 * 4; };
        while (notes.size() >= sizeof(Elf64_Nhdr) && out.empty()) {
            const auto note = read_at<Elf64_Nhdr>(notes, 0);
            const auto text = sizeof note + padded(note.n_namesz);
            if (note.n_type == NT_GNU_BUILD_ID && notes.substr(sizeof note).starts_with("GNU"))
                out = to_hex(part_of(notes, text, note.n_descsz));
            notes = part_of(notes, text + padded(note.n_descsz), notes.size());
        }
        return !out.empty();
    });
    return out;
}

}  // namespace bulkhead::telemetry
