# How a plugin is built and examined, within EasyLM and from outside.

set(EASYLM_PLUGIN_CMAKE_DIR ${CMAKE_CURRENT_LIST_DIR})

# easylm_add_plugin(NAME [TENSOR] [CUDA] SOURCE...)
#
# Builds easylm_NAME.so: one exported symbol, full binding at load, and the description of its components embedded in
# the file, so that the host can list, describe and check it without running it. TENSOR: uses LibTorch. CUDA: needs a
# GPU to be of use. It goes to EASYLM_PLUGIN_DIR if that is set, else to the current build folder.
function(easylm_add_plugin name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "TENSOR;CUDA" "" "")
  if(arg_TENSOR AND NOT TARGET EasyLM::tensor)
    if(NOT DEFINED EASYLM_BUILD_TENSOR)  # from outside, where nobody asked to leave it out
      message(FATAL_ERROR "The plugin ${name} uses LibTorch: ${EasyLM_TENSOR_PROBLEM}")
    endif()
    return()
  endif()
  add_library(${name} MODULE ${arg_UNPARSED_ARGUMENTS})
  target_link_libraries(${name} PRIVATE EasyLM::sdk)
  if(arg_TENSOR)
    target_link_libraries(${name} PRIVATE EasyLM::tensor)
    target_compile_definitions(${name} PRIVATE EASYLM_PLUGIN_TORCH="${EASYLM_LIBTORCH_VERSION}")
  endif()
  if(arg_CUDA)
    target_compile_definitions(${name} PRIVATE EASYLM_PLUGIN_CUDA="13.0")
    set_target_properties(${name} PROPERTIES EASYLM_CUDA ON)
  endif()
  set(exports ${EASYLM_PLUGIN_CMAKE_DIR}/exports.map)
  target_link_options(${name} PRIVATE -Wl,-z,now -Wl,--version-script=${exports})
  set_target_properties(${name} PROPERTIES
    PREFIX "easylm_" CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON LINK_DEPENDS ${exports})
  if(EASYLM_PLUGIN_DIR)
    set_target_properties(${name} PROPERTIES LIBRARY_OUTPUT_DIRECTORY ${EASYLM_PLUGIN_DIR})
  endif()
  set(description ${CMAKE_CURRENT_BINARY_DIR}/${name}.description.json)
  add_custom_command(TARGET ${name} POST_BUILD
    COMMAND EasyLM::describe $<TARGET_FILE:${name}> ${description}
    COMMAND ${CMAKE_OBJCOPY} --remove-section .easylm.describe
            --add-section .easylm.describe=${description} $<TARGET_FILE:${name}>
    VERBATIM)
endfunction()

# easylm_add_exam(NAME [PIPELINE])
#
# A test that runs `easylm plugins test` on the plugin NAME. PIPELINE: a file, in the current source folder, with the
# settings that its components are examined with; a second test runs it.
function(easylm_add_exam name)
  set(pipeline ${ARGN})
  set(with)
  if(pipeline)
    set(with --pipeline ${pipeline})
    add_test(NAME run.${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
      COMMAND EasyLM::easylm --home ${CMAKE_CURRENT_BINARY_DIR}/runs run ${pipeline} --resume never)
    set_tests_properties(run.${name} PROPERTIES ENVIRONMENT EASYLM_PLUGIN_PATH=$<TARGET_FILE_DIR:${name}>)
  endif()
  add_test(NAME exam.${name} WORKING_DIRECTORY ${CMAKE_CURRENT_SOURCE_DIR}
    COMMAND EasyLM::easylm plugins test $<TARGET_FILE:${name}> ${with})
endfunction()
