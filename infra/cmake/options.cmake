# SPDX-License-Identifier: Apache-2.0
# Compiler flags, attached to our own targets only through bulkhead::options.
option(BULKHEAD_WERROR "Treat warnings as errors" OFF)
option(BULKHEAD_TESTS "Build the tests" ON)
option(BULKHEAD_COVERAGE "Count executed lines" OFF)
option(BULKHEAD_LIBFUZZER "Link the fuzz targets with libFuzzer" OFF)
set(BULKHEAD_SANITIZE "" CACHE STRING "Sanitizers, e.g. address,undefined")
set(BULKHEAD_DEBUG_LEVEL "" CACHE STRING "Debug information level of Debug builds; empty: the compiler's own")

find_program(CCACHE ccache)
if(CCACHE)
  set(CMAKE_C_COMPILER_LAUNCHER ${CCACHE})
  # A precompiled header is opaque to ccache unless it is told what to ignore.
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CMAKE_COMMAND} -E env CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${CCACHE})
endif()

set(CMAKE_CXX_STANDARD 23)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_CXX_SCAN_FOR_MODULES OFF)
set(CMAKE_VERIFY_INTERFACE_HEADER_SETS ON)  # target all_verify_interface_header_sets
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)

add_library(bulkhead_options INTERFACE)
add_library(bulkhead::options ALIAS bulkhead_options)
target_include_directories(bulkhead_options INTERFACE ${CMAKE_SOURCE_DIR}/libs)
# Asio's implementation is compiled once, in libs/base/asio_implementation.cpp.
target_compile_definitions(bulkhead_options INTERFACE BOOST_ASIO_SEPARATE_COMPILATION BOOST_ASIO_NO_DEPRECATED)
target_compile_options(bulkhead_options INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wcast-qual -Wformat=2 -Wundef
  -fno-omit-frame-pointer -fstack-protector-strong)
if(BULKHEAD_WERROR)
  target_compile_options(bulkhead_options INTERFACE -Werror)
endif()
if(CMAKE_CXX_COMPILER_ID STREQUAL GNU)
  # Flow-based warnings that GCC gets wrong around std::expected, coroutines and Asio when optimising or sanitising.
  target_compile_options(bulkhead_options INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-stringop-overread -Wno-array-bounds
    -Wno-dangling-pointer -Wno-mismatched-new-delete -Wno-free-nonheap-object -Wno-tsan -Wno-missing-field-initializers)
else()
  target_compile_options(bulkhead_options INTERFACE -Wno-missing-field-initializers -Wno-missing-designated-field-initializers)
endif()
if(BULKHEAD_DEBUG_LEVEL)
  target_compile_options(bulkhead_options INTERFACE $<$<CONFIG:Debug>:-g${BULKHEAD_DEBUG_LEVEL}>)
endif()
if(CMAKE_BUILD_TYPE STREQUAL Release)
  target_compile_definitions(bulkhead_options INTERFACE _FORTIFY_SOURCE=2)
endif()
if(BULKHEAD_SANITIZE)
  target_compile_options(bulkhead_options INTERFACE -fsanitize=${BULKHEAD_SANITIZE} -fno-sanitize-recover=all -O1)
  target_link_options(bulkhead_options INTERFACE -fsanitize=${BULKHEAD_SANITIZE})
  # One code path per allocation, so that a report names the coroutine that owned the frame.
  target_compile_definitions(bulkhead_options INTERFACE BOOST_ASIO_DISABLE_AWAITABLE_FRAME_RECYCLING)
endif()
if(BULKHEAD_LIBFUZZER)
  target_compile_options(bulkhead_options INTERFACE -fsanitize=fuzzer-no-link)
endif()
if(BULKHEAD_COVERAGE)
  target_compile_options(bulkhead_options INTERFACE --coverage -fprofile-update=atomic)
  target_link_options(bulkhead_options INTERFACE --coverage)
endif()
