# CUDA sources as C++ for the emulation in tests/cuda_emulation, which runs them on the CPU.

# easylm_add_emulated_kernels(TARGET SOURCE...): a static library of .cu files. Who links it sees the emulation's headers
# under the names of CUDA's own.
function(easylm_add_emulated_kernels target)
  add_library(${target} STATIC ${ARGN})
  target_link_libraries(${target} PUBLIC cuda_emulation)
  target_include_directories(${target} PUBLIC ${PROJECT_SOURCE_DIR}/plugins/attention)
  target_compile_options(${target} PRIVATE -O1 -Wno-unknown-pragmas)  # unrolling hints
  set_source_files_properties(${ARGN} TARGET_DIRECTORY ${target} PROPERTIES LANGUAGE CXX)
endfunction()

# easylm_add_planted_kernel(TARGET KERNEL FILE BEFORE AFTER): the same of one kernel, with a fault. FILE, which is KERNEL or a
# header in its folder, has BEFORE exactly once; it is replaced, in copies of KERNEL and of the headers.
function(easylm_add_planted_kernel target kernel file before after)
  cmake_path(GET kernel PARENT_PATH folder)
  cmake_path(GET kernel FILENAME kernel_name)
  file(READ ${folder}/${file} text)
  string(FIND "${text}" "${before}" first)
  string(FIND "${text}" "${before}" last REVERSE)
  if(first EQUAL -1 OR NOT first EQUAL last)
    message(FATAL_ERROR "${target} can't be planted: its place must occur exactly once in ${file}")
  endif()
  string(REPLACE "${before}" "${after}" text "${text}")
  file(GLOB headers CONFIGURE_DEPENDS ${folder}/*.h)
  foreach(copied ${headers} ${kernel})
    cmake_path(GET copied FILENAME copy)
    if(NOT copy STREQUAL file)
      configure_file(${copied} ${CMAKE_CURRENT_BINARY_DIR}/${target}/${copy} COPYONLY)
    endif()
  endforeach()
  file(CONFIGURE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/${target}/${file} CONTENT "${text}" @ONLY)
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${folder}/${file})
  easylm_add_emulated_kernels(${target} ${CMAKE_CURRENT_BINARY_DIR}/${target}/${kernel_name})
endfunction()
