# Packages that setup.sh installs.
include(EasyLMLibTorch)
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

  if(NOT EXISTS ${EASYLM_LIBTORCH}/torch/lib/libtorch_cpu.so)
    message(FATAL_ERROR "LibTorch is not in ${EASYLM_LIBTORCH}: run ./setup.sh, or set EASYLM_LIBTORCH")
  endif()
  easylm_import_libtorch(${EASYLM_LIBTORCH})
endif()
