# SPDX-License-Identifier: Apache-2.0
# Two uses, both of the folder libs/persistence/migrations with its sub-folders control and tenant:
#
#   cmake -DMIGRATIONS=<folder> -DOUTPUT=<file.cpp> -P embed_migrations.cmake
#       writes the .sql and checksums files into one C++ source (declared in persistence/migrations/embedded.hpp).
#   cmake -DMIGRATIONS=<folder> -DCHECKSUMS=ON -P embed_migrations.cmake
#       writes the checksums files anew, after a migration was added. Never edit a migration that was released:
#       the databases that ran it will refuse the next run.
#
# A checksum is SHA-256(previous checksum, newline, file name, newline, text); line ends and a byte order mark do
# not count. The program computes the same chain when it starts.
cmake_minimum_required(VERSION 3.25)

function(write_checksums FOLDER)
  file(GLOB paths LIST_DIRECTORIES false ${FOLDER}/*.sql)
  list(SORT paths COMPARE STRING)
  string(ASCII 239 187 191 byte_order_mark)
  set(previous "")
  set(lines "")
  foreach(path IN LISTS paths)
    cmake_path(GET path FILENAME name)
    file(READ ${path} text)
    string(FIND "${text}" "${byte_order_mark}" found)
    if(found EQUAL 0)
      string(SUBSTRING "${text}" 3 -1 text)
    endif()
    string(REPLACE "\r\n" "\n" text "${text}")
    string(SHA256 previous "${previous}\n${name}\n${text}")
    string(APPEND lines "${previous}  ${name}\n")
  endforeach()
  file(WRITE ${FOLDER}/checksums "${lines}")
endfunction()

# One array of rows; the raw string's delimiter must not occur in the SQL.
function(append_files VARIABLE SCOPE)
  file(GLOB paths LIST_DIRECTORIES false ${MIGRATIONS}/${SCOPE}/*.sql ${MIGRATIONS}/${SCOPE}/checksums)
  list(SORT paths COMPARE STRING)
  list(LENGTH paths count)
  set(code "constexpr std::array<embedded_file, ${count}> ${SCOPE}{\n")
  foreach(path IN LISTS paths)
    cmake_path(GET path FILENAME name)
    file(READ ${path} text)
    string(FIND "${text}" ")=bh=\"" clash)
    if(NOT clash EQUAL -1)
      message(FATAL_ERROR "${path} contains the delimiter )=bh=\"")
    endif()
    string(APPEND code "    embedded_file{\"${name}\", R\"=bh=(${text})=bh=\"},\n")
  endforeach()
  string(APPEND code "};\n")
  set(${VARIABLE} "${${VARIABLE}}${code}" PARENT_SCOPE)
endfunction()

if(CHECKSUMS)
  write_checksums(${MIGRATIONS}/control)
  write_checksums(${MIGRATIONS}/tenant)
else()
  set(arrays "")
  append_files(arrays control)
  append_files(arrays tenant)
  file(WRITE ${OUTPUT} "// Made by infra/cmake/embed_migrations.cmake.
#include \"persistence/migrations/embedded.hpp\"

#include <array>

namespace bulkhead::migrations {
namespace {
${arrays}}  // namespace

std::span<const embedded_file> control_files() noexcept { return control; }
std::span<const embedded_file> tenant_files() noexcept { return tenant; }

}  // namespace bulkhead::migrations
")
endif()
