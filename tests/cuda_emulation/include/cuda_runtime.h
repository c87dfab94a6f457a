// The CUDA C++ that emulated sources are written in: keywords, indices, synchronisation, warp exchange,
// arithmetic.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <string>

#include "cuda_emulation/emulation/warp.h"
#include "cuda_runtime_api.h"

#define __global__
#define __device__
#define __host__
#define __forceinline__ inline __attribute__((always_inline))
#define __noinline__ __attribute__((noinline))
#define __launch_bounds__(...)
#define __grid_constant__
#define __restrict__ __restrict
#define __align__(bytes) alignas(bytes)

#define threadIdx (easylm::emulation::current_thread().index)
#define blockIdx (easylm::emulation::current_block().index())
#define blockDim (easylm::emulation::current_block().shape().block)
#define gridDim (easylm::emulation::current_block().shape().grid)

inline void __syncthreads(const char* file = __builtin_FILE(), int line = __builtin_LINE()) {
  easylm::emulation::Block& block = easylm::emulation::current_block();
  block.barrier(0).sync(block.num_live(), "the barrier at " + std::string(file) + ":" + std::to_string(line));
}

inline void __syncwarp(unsigned members = ~0U) { easylm::emulation::sync_warp(members); }

template <typename T>
T __shfl_sync(unsigned members, T value, int source, int width = 32) {
  return easylm::emulation::shuffle(members, value, "shfl.idx",
                                    [=](int lane) { return lane / width * width + (source & (width - 1)); });
}

template <typename T>
T __shfl_xor_sync(unsigned members, T value, int mask, int width = 32) {
  return easylm::emulation::shuffle(members, value, "shfl.bfly", [=](int lane) {
    const int source = lane ^ mask;
    return source / width > lane / width ? lane : source;
  });
}

template <typename T>
T __shfl_down_sync(unsigned members, T value, unsigned delta, int width = 32) {
  return easylm::emulation::shuffle(members, value, "shfl.down", [=](int lane) {
    const int source = lane + static_cast<int>(delta);
    return source / width == lane / width ? source : lane;
  });
}

template <typename T>
T __shfl_up_sync(unsigned members, T value, unsigned delta, int width = 32) {
  return easylm::emulation::shuffle(members, value, "shfl.up", [=](int lane) {
    return lane % width >= static_cast<int>(delta) ? lane - static_cast<int>(delta) : lane;
  });
}

inline unsigned __ballot_sync(unsigned members, int predicate) {
  return easylm::emulation::ballot(members, predicate, "vote.ballot");
}
inline int __any_sync(unsigned members, int predicate) {
  return easylm::emulation::ballot(members, predicate, "vote.any") != 0 ? 1 : 0;
}
inline int __all_sync(unsigned members, int predicate) {
  return easylm::emulation::ballot(members, predicate == 0 ? 1 : 0, "vote.all") == 0 ? 1 : 0;
}

// One thread runs at a time, so that these are atomic as they stand.
template <typename T>
T atomicAdd(T* address, T value) {
  const T old = *address;
  *address = old + value;
  return old;
}
template <typename T>
T atomicMax(T* address, T value) {
  const T old = *address;
  *address = std::max(old, value);
  return old;
}
template <typename T>
T atomicExch(T* address, T value) {
  const T old = *address;
  *address = value;
  return old;
}
template <typename T>
T atomicCAS(T* address, T expected, T value) {
  const T old = *address;
  if (old == expected) *address = value;
  return old;
}
inline void __threadfence() {}
inline void __threadfence_block() {}

template <typename T>
T __ldg(const T* address) {
  return *address;
}

using std::max;
using std::min;
inline float __expf(float x) { return std::exp(x); }
inline float __logf(float x) { return std::log(x); }
inline float __log2f(float x) { return std::log2(x); }
inline float __fdividef(float x, float y) { return x / y; }
inline float __frcp_rn(float x) { return 1.0F / x; }
inline float __fmaf_rn(float x, float y, float z) { return std::fma(x, y, z); }
inline float __fmul_rn(float x, float y) { return x * y; }
inline float __fadd_rn(float x, float y) { return x + y; }
inline float __int_as_float(int bits) { return std::bit_cast<float>(bits); }
inline int __float_as_int(float value) { return std::bit_cast<int>(value); }
inline float __uint_as_float(unsigned bits) { return std::bit_cast<float>(bits); }
inline unsigned __float_as_uint(float value) { return std::bit_cast<unsigned>(value); }
inline int __popc(unsigned bits) { return std::popcount(bits); }
inline int __ffs(int bits) { return bits == 0 ? 0 : std::countr_zero(static_cast<unsigned>(bits)) + 1; }
inline int __clz(int bits) { return std::countl_zero(static_cast<unsigned>(bits)); }
inline float rsqrtf(float x) { return 1.0F / std::sqrt(x); }
