# What most files include is parsed once for each set of compiler flags, and not once a file. For fuzzers and for
# clang-tidy every file of the product stands by its own includes, so none can be forgotten.
set(EASYLM_PRECOMPILED_HEADERS
  <algorithm> <array> <cstdint> <filesystem> <functional> <map> <memory> <mutex> <optional> <set> <span> <sstream>
  <string> <string_view> <thread> <utility> <variant> <vector>)

# easylm_precompile(TARGET [HEADER...]): those, and what TARGET's own files mostly begin with.
function(easylm_precompile target)
  if(NOT EASYLM_FUZZ)
    target_precompile_headers(${target} PRIVATE ${EASYLM_PRECOMPILED_HEADERS} ${ARGN})
  endif()
endfunction()

# easylm_add_headers(NAME [HEADER...]): a target of nothing else. What is linked to it and its options set the flags.
function(easylm_add_headers name)
  file(CONFIGURE OUTPUT ${name}.cpp CONTENT "")
  add_library(${name} OBJECT ${CMAKE_CURRENT_BINARY_DIR}/${name}.cpp)
  easylm_precompile(${name} ${ARGN})
endfunction()

# easylm_precompile_as(TARGET OTHER): TARGET, which is compiled with the same flags, takes what OTHER has.
function(easylm_precompile_as target other)
  if(NOT EASYLM_FUZZ)
    target_precompile_headers(${target} REUSE_FROM ${other})
  endif()
endfunction()
