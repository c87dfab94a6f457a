// What intrinsics.h wraps where there is no PTX: the emulated instructions.
#pragma once

#include <tuple>
#include <utility>

#include "cuda_emulation/emulation/mbarrier.h"
#include "cuda_emulation/emulation/tensor_core.h"
#include "cuda_emulation/emulation/tensor_map.h"
#include "cuda_emulation/emulation/warpgroup.h"
#include "cuda_runtime.h"

namespace easylm::emulation {

// Runs a kernel as `stream` says; a null stream has the default schedule. Throws a Fault for what the kernel
// did wrong.
template <typename... Parameters, typename... Arguments>
cudaError_t launch(void (*kernel)(Parameters...), const LaunchShape& shape, cudaStream_t stream,
                   Arguments&&... arguments) {
  const std::tuple<Parameters...> parameters(std::forward<Arguments>(arguments)...);
  run_grid(shape, stream != nullptr ? stream->schedule : Schedule{}, [&] { std::apply(kernel, parameters); });
  return cudaSuccess;
}

// What .ftz does to a result.
inline float flushed(float value) {
  return std::fpclassify(value) == FP_SUBNORMAL ? std::copysign(0.0F, value) : value;
}

inline void barrier_sync(int id, int num_threads) {
  current_block()
      .barrier(static_cast<unsigned>(id))
      .sync(static_cast<unsigned>(num_threads), "barrier " + std::to_string(id));
}

inline void barrier_arrive(int id, int num_threads) {
  current_block()
      .barrier(static_cast<unsigned>(id))
      .arrive(static_cast<unsigned>(num_threads), "barrier " + std::to_string(id));
}

// One piece of shared memory for each place in the source that asks for it.
template <typename T, typename Place>
T& declared_shared(Place) {
  static char tag;
  return *static_cast<T*>(current_block().shared().declared(&tag, sizeof(T)));
}

}  // namespace easylm::emulation
