# SPDX-License-Identifier: Apache-2.0
# Every third-party library, found once. All of them are Debian packages; `infra/dev doctor` names a missing one.
find_package(Boost 1.81 REQUIRED COMPONENTS json)
find_package(OpenSSL 3.0 REQUIRED)
find_package(PostgreSQL 15 REQUIRED)
find_package(spdlog REQUIRED)
find_package(fmt REQUIRED)
find_package(CURL 7.87 REQUIRED)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(zlib REQUIRED IMPORTED_TARGET GLOBAL zlib>=1.2.13)
pkg_check_modules(zstd REQUIRED IMPORTED_TARGET GLOBAL libzstd>=1.5)
add_library(external::zlib ALIAS PkgConfig::zlib)
add_library(external::zstd ALIAS PkgConfig::zstd)

function(bulkhead_plain_package NAME HEADER)  # for packages that ship no CMake or pkg-config file we can rely on
  find_path(${NAME}_INCLUDE_DIR ${HEADER} REQUIRED)
  find_library(${NAME}_LIBRARY ${NAME} REQUIRED)
  add_library(external::${NAME} UNKNOWN IMPORTED GLOBAL)
  set_target_properties(external::${NAME} PROPERTIES
    IMPORTED_LOCATION ${${NAME}_LIBRARY} INTERFACE_INCLUDE_DIRECTORIES ${${NAME}_INCLUDE_DIR})
endfunction()
bulkhead_plain_package(hiredis hiredis/hiredis.h)
bulkhead_plain_package(crypt crypt.h)

if(BULKHEAD_TESTS)
  find_package(Catch2 REQUIRED)  # 2.13 and 3.x; libs/base/testing/catch.hpp hides the difference
endif()
