# Packages that setup.sh installs, and LibTorch as a plain imported target: its own package file drags in the CUDA
# toolkit even for a CPU build.
find_package(Boost 1.81 REQUIRED COMPONENTS program_options json)
find_package(SQLite3 REQUIRED)
find_package(LibArchive REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(GTest REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(PCRE2 REQUIRED IMPORTED_TARGET GLOBAL libpcre2-8)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET GLOBAL libutf8proc)
find_library(EASYLM_SENTENCEPIECE sentencepiece REQUIRED)

add_library(easylm_sentencepiece INTERFACE)
target_link_libraries(easylm_sentencepiece INTERFACE ${EASYLM_SENTENCEPIECE})

add_library(easylm_tomlplusplus INTERFACE)
target_compile_definitions(easylm_tomlplusplus INTERFACE TOML_HEADER_ONLY=1)

if(DEFINED ENV{XDG_CACHE_HOME})
  set(default_cache $ENV{XDG_CACHE_HOME}/easylm)
else()
  set(default_cache $ENV{HOME}/.cache/easylm)
endif()
set(EASYLM_CACHE ${default_cache} CACHE PATH "Where setup.sh keeps what it fetched")
set(EASYLM_LIBTORCH_VERSION 2.11.0)
set(EASYLM_LIBTORCH ${EASYLM_CACHE}/libtorch-${EASYLM_LIBTORCH_VERSION} CACHE PATH
    "Folder that holds torch/ and nvidia/ as their packages unpack them")

# Arrow and Parquet as pyarrow brings them: headers and libraries that need nothing but the C++ runtime.
set(EASYLM_ARROW_VERSION 21.0.0)
set(EASYLM_ARROW ${EASYLM_CACHE}/arrow-${EASYLM_ARROW_VERSION} CACHE PATH "Folder that holds pyarrow/ as its package unpacks it")

if(EASYLM_BUILD_TENSOR)
  if(NOT EXISTS ${EASYLM_ARROW}/pyarrow/libparquet.so.2100)
    message(FATAL_ERROR "Arrow is not in ${EASYLM_ARROW}: run ./setup.sh, or set EASYLM_ARROW")
  endif()
  add_library(easylm_arrow INTERFACE)
  target_include_directories(easylm_arrow SYSTEM INTERFACE ${EASYLM_ARROW}/pyarrow/include)
  target_link_libraries(easylm_arrow INTERFACE
    ${EASYLM_ARROW}/pyarrow/libparquet.so.2100 ${EASYLM_ARROW}/pyarrow/libarrow.so.2100)
  target_link_options(easylm_arrow INTERFACE -Wl,-rpath,${EASYLM_ARROW}/pyarrow)

  set(torch ${EASYLM_LIBTORCH}/torch)
  if(NOT EXISTS ${torch}/lib/libtorch_cpu.so)
    message(FATAL_ERROR "LibTorch is not in ${EASYLM_LIBTORCH}: run ./setup.sh, or set EASYLM_LIBTORCH")
  endif()
  add_library(easylm_libtorch INTERFACE)
  target_include_directories(easylm_libtorch SYSTEM INTERFACE
    ${torch}/include ${torch}/include/torch/csrc/api/include ${EASYLM_LIBTORCH}/nvidia/cu13/include)
  target_link_directories(easylm_libtorch INTERFACE ${torch}/lib)
  target_link_options(easylm_libtorch INTERFACE
    -Wl,-rpath,${torch}/lib -Wl,-rpath-link,${torch}/lib -Wl,-rpath-link,${EASYLM_LIBTORCH}/nvidia/cu13/lib)
  # at::parallel_for is a header that runs one thread without OpenMP; the runtime is LibTorch's own, so that there is
  # one pool of threads.
  target_compile_options(easylm_libtorch INTERFACE -fopenmp)
  target_link_libraries(easylm_libtorch INTERFACE
    -Wl,--no-as-needed torch_cpu c10 -Wl,--as-needed ${torch}/lib/libgomp.so.1)
endif()
