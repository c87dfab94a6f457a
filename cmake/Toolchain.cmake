# Language level, warnings, sanitizers, output folders, faster tools where they are present.
set(CMAKE_CXX_STANDARD 20)
set(CMAKE_CXX_STANDARD_REQUIRED ON)
set(CMAKE_CXX_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_CXX_VISIBILITY_PRESET hidden)
set(CMAKE_VISIBILITY_INLINES_HIDDEN ON)

set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/bin)
set(CMAKE_LIBRARY_OUTPUT_DIRECTORY ${PROJECT_BINARY_DIR}/lib)
set(EASYLM_PLUGIN_DIR ${PROJECT_BINARY_DIR}/lib/easylm/plugins)

# Designated initialisers leave members out on purpose: no warning for that.
add_compile_options(-Wall -Wextra -Wpedantic -Wshadow -Wnon-virtual-dtor -Woverloaded-virtual
  -Wno-missing-field-initializers -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
  add_compile_options(-Wno-restrict)  # false alarms on `"text" + string` in g++ 12 (its bug 105651)
endif()
add_link_options(-Wl,-z,defs -Wl,-z,now -Wl,-z,relro)

if(EASYLM_SANITIZER)
  # The sanitizers' own code makes g++ 12 see uninitialised variables in std::function, and more like -Wrestrict's.
  add_compile_options(-fsanitize=${EASYLM_SANITIZER} -fno-omit-frame-pointer -fno-sanitize-recover=all
    -Wno-maybe-uninitialized -Wno-array-bounds -Wno-stringop-overflow)
  add_link_options(-fsanitize=${EASYLM_SANITIZER})
endif()
if(EASYLM_FUZZ)
  add_compile_options(-fsanitize=fuzzer-no-link,address,undefined -fno-sanitize-recover=all)
  add_link_options(-fsanitize=address,undefined)
endif()
if(EASYLM_SANITIZER OR EASYLM_FUZZ)
  # A shared library built with clang's sanitizers leaves their runtime to the program.
  get_property(options DIRECTORY PROPERTY LINK_OPTIONS)
  list(REMOVE_ITEM options -Wl,-z,defs)
  set_property(DIRECTORY PROPERTY LINK_OPTIONS ${options})
endif()

find_program(EASYLM_CCACHE ccache)
if(EASYLM_CCACHE)
  # Clones of one repository share what was compiled, wherever they lie. Without the first two kinds of sloppiness
  # ccache keeps nothing that was compiled with precompiled headers, and without the others not those headers, which
  # CMake writes just before.
  set(CMAKE_CXX_COMPILER_LAUNCHER env CCACHE_BASEDIR=${PROJECT_SOURCE_DIR} CCACHE_NOHASHDIR=1
    CCACHE_SLOPPINESS=pch_defines,time_macros,include_file_mtime,include_file_ctime ${EASYLM_CCACHE})
endif()
find_program(EASYLM_MOLD mold)
if(EASYLM_MOLD AND NOT EASYLM_FUZZ)
  add_link_options(-fuse-ld=mold)
endif()
