# CUDA sources, compiled by nvcc where there is one. Not by CMake's language CUDA, which would hand it the flags of C++.
find_program(EASYLM_NVCC nvcc HINTS ENV CUDA_HOME PATH_SUFFIXES bin PATHS /usr/local/cuda)
set(EASYLM_CUDA_ARCHITECTURES 80 86 89 90 100 120 CACHE STRING
  "GPUs that kernels are compiled for; the first also as PTX, which others compile as they load it")

# easylm_compile_cuda(OBJECTS SOURCE...): sets OBJECTS to the object files of the sources, for a target of this folder.
function(easylm_compile_cuda objects)
  list(GET EASYLM_CUDA_ARCHITECTURES 0 oldest)
  set(codes -gencode arch=compute_${oldest},code=compute_${oldest})
  foreach(architecture ${EASYLM_CUDA_ARCHITECTURES})
    list(APPEND codes -gencode arch=compute_${architecture},code=sm_${architecture})
  endforeach()
  foreach(source ${ARGN})
    cmake_path(ABSOLUTE_PATH source)
    cmake_path(GET source FILENAME name)
    set(object ${CMAKE_CURRENT_BINARY_DIR}/${name}.o)
    add_custom_command(OUTPUT ${object}
      COMMAND ${EASYLM_CCACHE} ${EASYLM_NVCC} -ccbin ${CMAKE_CXX_COMPILER} -std=c++20 -O3 -Werror all-warnings
              -Xcompiler=-fPIC,-fvisibility=hidden ${codes} -MD -MF ${object}.d -c ${source} -o ${object}
      DEPENDS ${source} DEPFILE ${object}.d VERBATIM COMMENT "Building CUDA object ${name}.o")
    set_source_files_properties(${object} PROPERTIES EXTERNAL_OBJECT ON GENERATED ON)
    list(APPEND result ${object})
  endforeach()
  set(${objects} ${result} PARENT_SCOPE)
endfunction()
