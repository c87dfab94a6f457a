# What `cmake --install` puts where, and the packages that CPack makes of it. Nothing in it knows where it lies: the tree
# can be moved. LibTorch and Arrow stay where the build found them, or in lib/easylm/ of the tree.
set(CMAKE_INSTALL_LIBDIR lib)  # also on Debian: the program looks for its plugins in ../lib/easylm/plugins
include(GNUInstallDirs)
include(CMakePackageConfigHelpers)

set(package_dir ${CMAKE_INSTALL_LIBDIR}/cmake/EasyLM)

# easylm_install(TARGET DESTINATION EXPORT|NONE UP [FETCHED]): UP leads from DESTINATION to the libraries' folder; FETCHED:
# the folder of a library that setup.sh fetched, which may also lie in lib/easylm/.
function(easylm_install target destination export up)
  string(REGEX REPLACE "/\\.$" "" folder "$ORIGIN/${up}")
  set(runpath "${folder}")
  foreach(fetched ${ARGN})
    string(APPEND runpath ":${folder}/easylm/${fetched}")
  endforeach()
  set_target_properties(${target} PROPERTIES INSTALL_RPATH "${runpath}")
  if(export STREQUAL NONE)
    set(export)
  else()
    set(export EXPORT ${export})
  endif()
  install(TARGETS ${target} ${export} RUNTIME DESTINATION ${destination} LIBRARY DESTINATION ${destination})
endfunction()

set(libraries ${CMAKE_INSTALL_LIBDIR})
easylm_install(easylm_core ${libraries} EasyLMTargets .)
easylm_install(easylm_sdk ${libraries} EasyLMTargets .)
easylm_install(easylm ${CMAKE_INSTALL_BINDIR} EasyLMTargets ../${libraries})
easylm_install(easylm-describe ${libraries}/easylm EasyLMTargets ..)
easylm_install(easylm-exam ${libraries}/easylm NONE ..)
set(exports EasyLMTargets)
if(EASYLM_BUILD_TENSOR)
  easylm_install(easylm_tensor ${libraries} EasyLMTensorTargets . libtorch/torch/lib)
  easylm_install(easylm-exam-tensor ${libraries}/easylm NONE .. libtorch/torch/lib)
  list(APPEND exports EasyLMTensorTargets)
  set(tensor_exam easylm-exam-tensor)
endif()
get_property(plugin_targets GLOBAL PROPERTY EASYLM_PLUGIN_TARGETS)
foreach(target ${plugin_targets})
  set(runtime)
  get_target_property(needs_cuda ${target} EASYLM_CUDA)
  if(needs_cuda)
    set(runtime libtorch/nvidia/cu13/lib)
  endif()
  easylm_install(${target} ${libraries}/easylm/plugins NONE ../.. libtorch/torch/lib arrow/pyarrow ${runtime})
endforeach()

install(DIRECTORY core/include/ sdk/include/ DESTINATION ${CMAKE_INSTALL_INCLUDEDIR})
install(DIRECTORY sdk/templates configs DESTINATION ${CMAKE_INSTALL_DATADIR}/easylm)
install(PROGRAMS tools/fetch_libraries.sh DESTINATION ${CMAKE_INSTALL_DATADIR}/easylm)
install(FILES README.md LICENSE TYPE DOC)

foreach(export ${exports})
  install(EXPORT ${export} NAMESPACE EasyLM:: DESTINATION ${package_dir})
endforeach()
configure_package_config_file(sdk/cmake/EasyLMConfig.cmake.in ${PROJECT_BINARY_DIR}/package/EasyLMConfig.cmake
  INSTALL_DESTINATION ${package_dir} PATH_VARS CMAKE_INSTALL_LIBDIR CMAKE_INSTALL_DATADIR)
write_basic_package_version_file(${PROJECT_BINARY_DIR}/package/EasyLMConfigVersion.cmake
  COMPATIBILITY SameMinorVersion)
install(FILES ${PROJECT_BINARY_DIR}/package/EasyLMConfig.cmake ${PROJECT_BINARY_DIR}/package/EasyLMConfigVersion.cmake
  sdk/cmake/EasyLMPlugin.cmake sdk/cmake/EasyLMLibTorch.cmake sdk/cmake/exports.map DESTINATION ${package_dir})

add_custom_target(product DEPENDS easylm plugins easylm-describe easylm-exam ${tensor_exam})  # all that is installed

set(CPACK_GENERATOR DEB TGZ)
set(CPACK_PACKAGE_NAME easylm)
set(CPACK_PACKAGE_VENDOR "The EasyLM authors")
set(CPACK_PACKAGE_CONTACT "The EasyLM authors <easylm@invalid>")
set(CPACK_PACKAGE_DESCRIPTION_SUMMARY "Trains, evaluates and samples LLaMA-family language models")
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_STRIP_FILES OFF)  # it would strip descriptions off the plugins, too
set(CPACK_OUTPUT_FILE_PREFIX ${PROJECT_BINARY_DIR}/packages)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SECTION science)
set(CPACK_DEBIAN_PACKAGE_DEPENDS "libstdc++6 (>= 12), libboost-program-options1.81.0, libboost-json1.81.0, \
libsqlite3-0, libarchive13, libssl3, libspdlog1.10, libfmt9, libpcre2-8-0, libutf8proc2, libsentencepiece0, \
python3-pip, binutils")
set(CPACK_DEBIAN_PACKAGE_RECOMMENDS "g++, cmake, make")
include(CPack)
