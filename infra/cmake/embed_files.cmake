# SPDX-License-Identifier: Apache-2.0
# bulkhead_embed_files(TARGET NAMESPACE FILES...)
# Puts files into TARGET, byte for byte and in the given order, as
#   namespace bulkhead::NAMESPACE { std::span<const embedded_file> embedded_files() noexcept; }
# which the caller declares. A FILE may be made by the build. The assembler copies the bytes, so that a file of
# megabytes costs no compile time; the object library stays clear of our flags (sanitizers, LTO), it holds only data.
enable_language(ASM)

function(bulkhead_embed_files TARGET NAMESPACE)
  set(dir ${CMAKE_CURRENT_BINARY_DIR}/${TARGET}_files)
  set(assembly ".section .rodata\n")
  set(symbols "")
  set(rows "")
  set(number 0)
  foreach(path IN LISTS ARGN)
    cmake_path(ABSOLUTE_PATH path BASE_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR})
    cmake_path(GET path FILENAME name)
    string(MAKE_C_IDENTIFIER "bulkhead_${TARGET}_${number}" symbol)
    string(APPEND assembly
      ".global ${symbol}_begin\n.hidden ${symbol}_begin\n${symbol}_begin:\n.incbin \"${path}\"\n"
      ".global ${symbol}_end\n.hidden ${symbol}_end\n${symbol}_end:\n.byte 0\n")
    string(APPEND symbols "extern const char ${symbol}_begin[];\nextern const char ${symbol}_end[];\n")
    string(APPEND rows "        embedded_file{\"${name}\", {${symbol}_begin, ${symbol}_end}},\n")
    math(EXPR number "${number} + 1")
    list(APPEND paths ${path})
  endforeach()
  string(APPEND assembly ".section .note.GNU-stack,\"\",%progbits\n")

  file(CONFIGURE OUTPUT ${dir}/bytes.S CONTENT "@assembly@" @ONLY)
  file(CONFIGURE OUTPUT ${dir}/files.cpp @ONLY CONTENT [=[
// Made by bulkhead_embed_files.
#include <array>
#include <span>

#include "base/embedded_file.hpp"

extern "C" {
@symbols@}

namespace bulkhead::@NAMESPACE@ {

std::span<const embedded_file> embedded_files() noexcept;

std::span<const embedded_file> embedded_files() noexcept {
    static const std::array<embedded_file, @number@> files{
@rows@    };
    return files;
}

}  // namespace bulkhead::@NAMESPACE@
]=])
  set_source_files_properties(${dir}/bytes.S PROPERTIES OBJECT_DEPENDS "${paths}")
  add_library(${TARGET}_files OBJECT ${dir}/bytes.S ${dir}/files.cpp)
  target_include_directories(${TARGET}_files PRIVATE ${CMAKE_SOURCE_DIR}/libs)
  target_sources(${TARGET} PRIVATE $<TARGET_OBJECTS:${TARGET}_files>)
endfunction()
