// Asks the processor once.
#include "cpu_features.h"

namespace easylm {

bool has_native_bf16() {
#if defined(__x86_64__)
  static const bool native = __builtin_cpu_supports("avx512bf16") != 0;
  return native;
#else
  return true;
#endif
}

}  // namespace easylm
