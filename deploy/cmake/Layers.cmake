# Keeps the layers of the tree apart. Linking does not: Debian puts all headers into one folder, so a
# wrong #include compiles. The table of who may include whom is in tests/architecture/layers.py.

find_package(Python3 3.9 REQUIRED COMPONENTS Interpreter)

# innkeeper_layer_check(): a target of ALL that fails the build when an #include breaks the table. Runs
# again only after a source, a header or the table itself has changed.
function(innkeeper_layer_check)
  file(GLOB_RECURSE checked CONFIGURE_DEPENDS
    ${CMAKE_SOURCE_DIR}/actors/*.[ch]pp ${CMAKE_SOURCE_DIR}/gateway/*.[ch]pp
    ${CMAKE_SOURCE_DIR}/metrics/*.[ch]pp ${CMAKE_SOURCE_DIR}/config/*.[ch]pp)
  set(stamp ${CMAKE_BINARY_DIR}/layers.stamp)
  set(program ${CMAKE_SOURCE_DIR}/tests/architecture/layers.py)
  add_custom_command(
    OUTPUT ${stamp}
    COMMAND ${Python3_EXECUTABLE} -B ${program} ${CMAKE_SOURCE_DIR}
    COMMAND ${CMAKE_COMMAND} -E touch ${stamp}
    DEPENDS ${program} ${checked}
    COMMENT "Checking which layer includes which"
    VERBATIM)
  add_custom_target(layer_check ALL DEPENDS ${stamp})
endfunction()

# innkeeper_header_check(): a target that compiles each header of ours alone, so that none leans on what
# another file happens to include before it. Not part of ALL: headers with CAF or Beast take seconds each.
# Each object depends on what its header includes, so a second run compiles only what has changed.
function(innkeeper_header_check)
  file(GLOB_RECURSE headers CONFIGURE_DEPENDS RELATIVE ${CMAKE_SOURCE_DIR}
    ${CMAKE_SOURCE_DIR}/actors/*.hpp ${CMAKE_SOURCE_DIR}/gateway/*.hpp
    ${CMAKE_SOURCE_DIR}/metrics/*.hpp ${CMAKE_SOURCE_DIR}/config/*.hpp)
  set(sources)
  foreach(header IN LISTS headers)
    string(MAKE_C_IDENTIFIER ${header} name)
    set(source ${CMAKE_BINARY_DIR}/headers/${name}.cpp)
    # Twice, so that a missing `#pragma once` shows too.
    file(CONFIGURE OUTPUT ${source} CONTENT "#include \"${header}\"\n#include \"${header}\"\n")
    list(APPEND sources ${source})
  endforeach()
  add_library(header_check OBJECT EXCLUDE_FROM_ALL ${sources})
  # Only the front end is asked; the objects are there so that ninja knows what is done.
  target_compile_options(header_check PRIVATE -O0 -g0 -fno-sanitize=all)
  target_link_libraries(header_check PRIVATE
    innkeeper_flags CAF::core CAF::io CAF::openssl Boost::headers OpenSSL::SSL SQLite::SQLite3 PostgreSQL::PostgreSQL fmt::fmt
    prometheus-cpp::core)
endfunction()
