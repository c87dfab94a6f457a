# CUDA sources as C++ for the emulation in tests/cuda_emulation, which runs them on the CPU.

# easylm_add_emulated_kernels(TARGET SOURCE...): a static library of .cu files. Who links it sees the emulation's headers
# under the names of CUDA's own.
function(easylm_add_emulated_kernels target)
  add_library(${target} STATIC ${ARGN})
  target_link_libraries(${target} PUBLIC cuda_emulation)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/plugins/attention)
  # Unrolling hints mean nothing here; and -Wpsabi tells of compilers before GCC 4.6 at parameters like tensor maps.
  target_compile_options(${target} PRIVATE -O1 -Wno-unknown-pragmas -Wno-psabi)
  set_source_files_properties(${ARGN} TARGET_DIRECTORY ${target} PROPERTIES LANGUAGE CXX)
endfunction()
