# Packages that setup.sh installs, and LibTorch as a plain imported target: its own package file drags in the CUDA
# toolkit even for a CPU build.
find_package(Boost 1.81 REQUIRED COMPONENTS program_options json)
find_package(SQLite3 REQUIRED)
find_package(spdlog REQUIRED)
find_package(OpenSSL REQUIRED COMPONENTS Crypto)
find_package(GTest REQUIRED)

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

if(EASYLM_BUILD_TENSOR)
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
