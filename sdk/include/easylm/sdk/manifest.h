// The plugin's manifest: an ELF note of plain text that the host reads from the file before it runs any code
// of it.
#pragma once

#include <version>

#define EASYLM_API_MAJOR 1
#define EASYLM_API_MINOR 0

#define EASYLM_STRING_(x) #x
#define EASYLM_STRING(x) EASYLM_STRING_(x)

#ifndef EASYLM_PLUGIN_TORCH  // the build rule defines it for plugins that use LibTorch
#define EASYLM_PLUGIN_TORCH "none"
#endif
#ifndef EASYLM_PLUGIN_CUDA  // the build rule defines it for plugins that need a GPU
#define EASYLM_PLUGIN_CUDA "none"
#endif

#if defined(__SANITIZE_ADDRESS__)
#define EASYLM_MANIFEST_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define EASYLM_MANIFEST_SANITIZER "thread"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EASYLM_MANIFEST_SANITIZER "address"
#elif __has_feature(thread_sanitizer)
#define EASYLM_MANIFEST_SANITIZER "thread"
#endif
#endif
#ifndef EASYLM_MANIFEST_SANITIZER
#define EASYLM_MANIFEST_SANITIZER "none"
#endif

#if defined(_GLIBCXX_DEBUG)
#define EASYLM_MANIFEST_DEBUG "1"
#else
#define EASYLM_MANIFEST_DEBUG "0"
#endif

#if defined(__clang__)
#define EASYLM_MANIFEST_COMPILER "clang-" EASYLM_STRING(__clang_major__)
#else
#define EASYLM_MANIFEST_COMPILER "gcc-" EASYLM_STRING(__GNUC__)
#endif

// `key=value` pairs, one a line. The host states its own with the same macro, so the two can't drift apart.
#define EASYLM_MANIFEST_BUILD \
  "api=" EASYLM_STRING(EASYLM_API_MAJOR) "." EASYLM_STRING(EASYLM_API_MINOR) "\\n"                \
  "compiler=" EASYLM_MANIFEST_COMPILER "\\n"                                                      \
  "cxxabi=" EASYLM_STRING(__GXX_ABI_VERSION) "\\n"                                                \
  "cxx11abi=" EASYLM_STRING(_GLIBCXX_USE_CXX11_ABI) "\\n"                                         \
  "libstdcxx=" EASYLM_STRING(_GLIBCXX_RELEASE) "\\n"                                              \
  "debug=" EASYLM_MANIFEST_DEBUG "\\n"                                                            \
  "sanitizer=" EASYLM_MANIFEST_SANITIZER "\\n"

// One top-level asm statement: exact bytes in a PT_NOTE segment, which survives strip, LTO and --gc-sections.
#define EASYLM_MANIFEST_NOTE(NAME, VERSION)                                                \
  __asm__(                                                                                 \
      ".pushsection .note.easylm,\"aR\",@note\n"                                           \
      ".balign 4\n"                                                                        \
      ".long 7, 3f-2f, 1\n"                                                                \
      ".asciz \"EasyLM\"\n"                                                                \
      ".balign 4\n"                                                                        \
      "2:\n"                                                                               \
      ".ascii \"manifest=1\\nname=" NAME "\\nversion=" VERSION "\\n" EASYLM_MANIFEST_BUILD \
      "torch=" EASYLM_PLUGIN_TORCH "\\ncuda=" EASYLM_PLUGIN_CUDA                           \
      "\\n\"\n"                                                                            \
      "3:\n"                                                                               \
      ".balign 4\n"                                                                        \
      ".popsection")
