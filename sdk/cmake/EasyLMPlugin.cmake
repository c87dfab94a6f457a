# easylm_add_plugin(NAME [TENSOR] [CUDA] SOURCE...)
#
# Builds easylm_NAME.so: one exported symbol, full binding at load, and the description of its components embedded in
# the file, so that the host can list, describe and check it without running it. TENSOR: uses LibTorch. CUDA: needs a
# GPU to be of use.
set(EASYLM_PLUGIN_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

function(easylm_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TENSOR;CUDA" "" "")
  if(arg_TENSOR AND NOT EASYLM_BUILD_TENSOR)
    return()
  endif()
  add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE easylm_sdk)
  if(arg_TENSOR)
    target_link_libraries(${name} PRIVATE easylm_tensor)
    target_compile_definitions(${name} PRIVATE EASYLM_PLUGIN_TORCH="${EASYLM_LIBTORCH_VERSION}")
  endif()
  if(arg_CUDA)
    target_compile_definitions(${name} PRIVATE EASYLM_PLUGIN_CUDA="13.0")
  endif()
  set(exports ${EASYLM_PLUGIN_CMAKE_DIR}/exports.map)
  target_link_options(${name} PRIVATE -Wl,--version-script=${exports})
  set_target_properties(${name} PROPERTIES
    PREFIX "easylm_" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON
    LIBRARY_OUTPUT_DIRECTORY ${EASYLM_PLUGIN_DIR} LINK_DEPENDS ${exports})
  add_dependencies(${name} easylm-describe)
  set(description ${CMAKE_CURRENT_BINARY_DIR}/${name}.description.json)
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND easylm-describe $<TARGET_FILE:${name}> ${description}
    COMMAND ${CMAKE_OBJCOPY} --remove-section .easylm.describe
            --add-section .easylm.describe=${description} $<TARGET_FILE:${name}>
    VERBATIM)
endfunction()
