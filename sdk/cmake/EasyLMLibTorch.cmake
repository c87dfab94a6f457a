# easylm_import_libtorch(FOLDER): EasyLM::libtorch, from a folder that holds torch/ and nvidia/ as their packages unpack
# them. A plain imported target: LibTorch's own package file drags in the CUDA toolkit even for a CPU build.
function(easylm_import_libtorch folder)
  set(torch ${folder}/torch)
  add_library(EasyLM::libtorch INTERFACE IMPORTED GLOBAL)
  target_include_directories(EasyLM::libtorch SYSTEM INTERFACE
    ${torch}/include ${torch}/include/torch/csrc/api/include ${folder}/nvidia/cu13/include)
  target_link_directories(EasyLM::libtorch INTERFACE ${torch}/lib)
  target_link_options(EasyLM::libtorch INTERFACE
    -Wl,-rpath,${torch}/lib -Wl,-rpath-link,${torch}/lib -Wl,-rpath-link,${folder}/nvidia/cu13/lib)
  # at::parallel_for is a header that runs one thread without OpenMP; the runtime is LibTorch's own, so that there is
  # one pool of threads.
  target_compile_options(EasyLM::libtorch INTERFACE -fopenmp)
  target_link_libraries(EasyLM::libtorch INTERFACE
    -Wl,--no-as-needed torch_cpu c10 -Wl,--as-needed ${torch}/lib/libgomp.so.1)
endfunction()
