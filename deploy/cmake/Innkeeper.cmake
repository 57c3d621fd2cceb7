# What every target of ours has in common: language level, warnings, sanitizers.

set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)

find_program(CCACHE_PROGRAM ccache)
if(CCACHE_PROGRAM)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE_PROGRAM})
endif()

add_library(innkeeper_flags INTERFACE)
target_include_directories(innkeeper_flags INTERFACE ${CMAKE_SOURCE_DIR})
target_compile_options(innkeeper_flags INTERFACE
  -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion -Wold-style-cast
  -Wnon-virtual-dtor -Woverloaded-virtual -Wimplicit-fallthrough -Wdouble-promotion
  -Wformat=2 -Wundef -Wswitch-enum -Werror
  # Designated initialisers leave members at their defaults on purpose.
  -Wno-missing-field-initializers)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND NOT CMAKE_BUILD_TYPE STREQUAL "Release")
  # In optimised code GCC 12 reports null dereferences inside the standard library's own headers.
  target_compile_options(innkeeper_flags INTERFACE -Wnull-dereference)
endif()

if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_BUILD_TYPE STREQUAL "Release")
  # With inlining GCC 12 follows paths through std::vector, std::string and CAF's headers that cannot happen
  # (its bugs 105329 and 105651 among others); the Debug build keeps these warnings.
  target_compile_options(innkeeper_flags INTERFACE
    -Wno-maybe-uninitialized -Wno-restrict -Wno-stringop-overflow -Wno-array-bounds)
endif()

function(innkeeper_sanitize)
  if(INNKEEPER_SANITIZE)
    # Global, so that every object of the program agrees about it.
    add_compile_options(-fsanitize=address,undefined -fno-sanitize-recover=undefined
                        -fno-omit-frame-pointer -g1 -O1)
    add_link_options(-fsanitize=address,undefined)
  endif()
endfunction()

# innkeeper_library(NAME SOURCES … [LINKS …]): one folder of the design's layer table.
function(innkeeper_library name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  if(NOT arg_SOURCES)
    add_library(${name} INTERFACE)
    target_link_libraries(${name} INTERFACE ${arg_LINKS})
    return()
  endif()
  add_library(${name} STATIC ${arg_SOURCES})
  target_link_libraries(${name} PUBLIC ${arg_LINKS} PRIVATE innkeeper_flags)
  target_include_directories(${name} PUBLIC ${CMAKE_SOURCE_DIR})
endfunction()

# innkeeper_test(NAME SOURCES … [LINKS …]): a Catch2 executable; each test case is a ctest test.
function(innkeeper_test name)
  cmake_parse_arguments(arg "" "" "SOURCES;LINKS" ${ARGN})
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE ${arg_LINKS} test_main innkeeper_flags)
  catch_discover_tests(${name} TEST_PREFIX "${name}: " PROPERTIES TIMEOUT 300)
endfunction()

innkeeper_sanitize()
