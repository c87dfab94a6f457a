// What host and plugin must agree on before any code of the plugin runs: the version of this API, the build's
// settings that change the binary interface, and the one symbol that a plugin exports.
#pragma once

#include <cstddef>
#include <cstdint>
#include <version>

#define EASYLM_API_MAJOR 1  // raised when something that plugins use is changed or removed
#define EASYLM_API_MINOR 2  // raised when something is added

#define EASYLM_STRING_(x) #x
#define EASYLM_STRING(x) EASYLM_STRING_(x)

#if defined(__SANITIZE_ADDRESS__)
#define EASYLM_BUILD_SANITIZER "address"
#elif defined(__SANITIZE_THREAD__)
#define EASYLM_BUILD_SANITIZER "thread"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define EASYLM_BUILD_SANITIZER "address"
#elif __has_feature(thread_sanitizer)
#define EASYLM_BUILD_SANITIZER "thread"
#endif
#endif
#ifndef EASYLM_BUILD_SANITIZER
#define EASYLM_BUILD_SANITIZER "none"
#endif

#if defined(_GLIBCXX_DEBUG)
#define EASYLM_BUILD_DEBUG "1"
#else
#define EASYLM_BUILD_DEBUG "0"
#endif

#if defined(__clang__)
#define EASYLM_BUILD_COMPILER "clang-" EASYLM_STRING(__clang_major__)
#else
#define EASYLM_BUILD_COMPILER "gcc-" EASYLM_STRING(__GNUC__)
#endif

// A manifest's text: `key=value`, one a line. Plugin and host state theirs with this same macro, so that the
// two can't drift apart. The zeros are replaced by checksums (easylm/layout.h).
#define EASYLM_MANIFEST_TEXT(NAME, VERSION, TORCH, CUDA) \
  "manifest=1\n"                                                                   \
  "name=" NAME                                                                     \
  "\n"                                                                             \
  "version=" VERSION                                                               \
  "\n"                                                                             \
  "api=" EASYLM_STRING(EASYLM_API_MAJOR) "." EASYLM_STRING(EASYLM_API_MINOR) "\n"  \
  "compiler=" EASYLM_BUILD_COMPILER                                                \
  "\n"                                                                             \
  "cxxabi=" EASYLM_STRING(__GXX_ABI_VERSION) "\n"                                  \
  "cxx11abi=" EASYLM_STRING(_GLIBCXX_USE_CXX11_ABI) "\n"                           \
  "libstdcxx=" EASYLM_STRING(_GLIBCXX_RELEASE) "\n"                                \
  "debug=" EASYLM_BUILD_DEBUG                                                      \
  "\n"                                                                             \
  "sanitizer=" EASYLM_BUILD_SANITIZER                                              \
  "\n"                                                                             \
  "torch=" TORCH                                                                   \
  "\n"                                                                             \
  "cuda=" CUDA                                                                     \
  "\n"                                                                             \
  "layout.2=0000000000000000\n"                                                    \
  "layout.1=0000000000000000\n"                                                    \
  "layout=0000000000000000\n"

namespace easylm {
class Registrar;
}

extern "C" {

// The type of the one exported symbol, `easylm_plugin_v1`. Grows at its end only.
struct EasylmPluginV1 {
  std::uint32_t struct_size;  // sizeof(EasylmPluginV1) as the plugin knew it

  // Adds the plugin's components. 0 if all went well; else a reason, NUL-terminated, is in `error`. Throws
  // nothing. [setup]
  int (*register_components)(easylm::Registrar* registrar, char* error, std::size_t error_size);
};

}  // extern "C"
