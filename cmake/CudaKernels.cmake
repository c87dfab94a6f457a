# Kernels for GPUs, where nvcc is: it is called as it is, since CMake's own support of the language takes seconds to configure
# and brings a CUDA runtime of its own, where LibTorch's must be the only one.
find_program(EASYLM_NVCC nvcc HINTS ENV CUDA_HOME PATHS /usr/local/cuda/bin)

# What machine code is made for. Others compute from PTX, which the driver translates when it first loads the kernels.
set(easylm_cuda_architectures 80 86 89 90 100 120)
set(easylm_ptx_architecture 80)

# easylm_add_cuda_kernels(TARGET SOURCE... [ARCHITECTURES NUMBER...]): a static library of .cu files; with ARCHITECTURES for
# these only, and without PTX. REQUIRES: EASYLM_NVCC, and LibTorch.
function(easylm_add_cuda_kernels target)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "ARCHITECTURES")
  set(codes)
  foreach(number ${arg_ARCHITECTURES})
    list(APPEND codes -gencode arch=compute_${number},code=sm_${number})
  endforeach()
  if(NOT arg_ARCHITECTURES)
    foreach(number ${easylm_cuda_architectures})
      list(APPEND codes -gencode arch=compute_${number},code=sm_${number})
    endforeach()
    list(APPEND codes -gencode arch=compute_${easylm_ptx_architecture},code=compute_${easylm_ptx_architecture})
  endif()
  set(objects)
  foreach(source ${arg_UNPARSED_ARGUMENTS})
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${source}.o)
    # Not compressed, so that tests can read the machine code (tests/bpt_cuda/cubins.py).
    add_custom_command(OUTPUT ${object}
      COMMAND ${CMAKE_CXX_COMPILER_LAUNCHER} ${EASYLM_NVCC} -ccbin ${CMAKE_CXX_COMPILER} -std=c++20 -O3 -DNDEBUG
        --threads 2 ${codes} --compress-mode=none -Werror all-warnings
        -Xcompiler -fPIC,-fvisibility=hidden,-Wall,-Werror
        -MD -MF ${object}.d -c ${CMAKE_CURRENT_SOURCE_DIR}/${source} -o ${object}
      DEPENDS ${source} DEPFILE ${object}.d COMMENT "Building CUDA object ${source}.o" VERBATIM)
    list(APPEND objects ${object})
  endforeach()
  add_library(${target} STATIC ${objects})
  set_target_properties(${target} PROPERTIES LINKER_LANGUAGE CXX)
  set(runtime ${EASYLM_LIBTORCH}/nvidia/cu13/lib)
  target_link_libraries(${target} INTERFACE ${runtime}/libcudart.so.13)
  target_link_options(${target} INTERFACE -Wl,-rpath,${runtime})
endfunction()
