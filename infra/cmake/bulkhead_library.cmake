# SPDX-License-Identifier: Apache-2.0
# bulkhead_library(NAME SOURCES ... HEADERS ... DEPS ... TESTS ...)
# Declares bulkhead::NAME and, when TESTS are given, the test program NAME_test (label "unit").
# HEADERS are verified to be self-contained; DEPS are the only libraries whose headers it may include.
function(bulkhead_library NAME)
  cmake_parse_arguments(ARG "" "" "SOURCES;HEADERS;DEPS;TESTS" ${ARGN})
  add_library(bulkhead_${NAME} STATIC ${ARG_SOURCES})
  add_library(bulkhead::${NAME} ALIAS bulkhead_${NAME})
  target_sources(bulkhead_${NAME} PUBLIC FILE_SET HEADERS BASE_DIRS ${CMAKE_SOURCE_DIR}/libs FILES ${ARG_HEADERS})
  target_link_libraries(bulkhead_${NAME} PUBLIC bulkhead::options ${ARG_DEPS})
  bulkhead_precompiled(bulkhead_${NAME})
  if(ARG_TESTS AND BULKHEAD_TESTS)
    bulkhead_test(${NAME}_test LABEL unit SOURCES ${ARG_TESTS} DEPS bulkhead::${NAME})
  endif()
endfunction()

# bulkhead_test(NAME LABEL unit|integration SOURCES ... DEPS ...): a Catch2 program, run by CTest as one test.
function(bulkhead_test NAME)
  cmake_parse_arguments(ARG "" "LABEL" "SOURCES;DEPS" ${ARGN})
  add_executable(${NAME} ${ARG_SOURCES})
  target_link_libraries(${NAME} PRIVATE ${ARG_DEPS} bulkhead::testing)
  bulkhead_precompiled(${NAME})
  add_test(NAME ${NAME} COMMAND ${NAME} WORKING_DIRECTORY ${CMAKE_SOURCE_DIR})
  set(patience 300)
  if(BULKHEAD_SANITIZE)
    set(patience 1200)
  endif()
  set_tests_properties(${NAME} PROPERTIES LABELS ${ARG_LABEL} TIMEOUT ${patience})
endfunction()

function(bulkhead_precompiled TARGET)  # compiled once, for bulkhead_base, and shared
  if(TARGET bulkhead_pch AND NOT BULKHEAD_LIBFUZZER)
    target_precompile_headers(${TARGET} REUSE_FROM bulkhead_pch)
  endif()
endfunction()
