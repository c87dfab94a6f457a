// Devices, precisions, threads and generators. The memory of CPU tensors is in allocator.h.
#pragma once

#include <ATen/core/Generator.h>
#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <string_view>

#include "easylm/checkpoint_format.h"
#include "easylm/export.h"
#include "easylm/random.h"
#include "easylm/stage.h"

namespace easylm {

// "auto" (cuda if there is one), "cpu", "cuda", "cuda:1". Throws Error{device} if it isn't there.
EASYLM_API at::Device select_device(std::string_view name);

// "fp32" or "bf16": the dtype of the computation.
EASYLM_API at::ScalarType compute_dtype(std::string_view precision);

EASYLM_API at::ScalarType scalar_type_of(DType dtype);
EASYLM_API DType dtype_of(at::ScalarType type);  // Throws Error{unsupported}.

// Whether `device` has instructions for products of bf16 matrices. On a CPU without them LibTorch falls back
// to loops that are many times slower than fp32 products: better to compute in fp32 on upcast copies.
// [any-thread]
EASYLM_API bool has_bf16_products(at::Device device);

// Prepares LibTorch for a run: number of threads, the caching CPU allocator, no global randomness.
// Idempotent.
EASYLM_API void prepare_torch(const RunFacts& run);

// The most bytes that tensors on `device` held at once since the last reset. [any-thread]
EASYLM_API std::int64_t peak_memory(at::Device device);
EASYLM_API void reset_peak_memory(at::Device device);

// A LibTorch generator that draws what `stream` names. CPU and CUDA draw different numbers.
EASYLM_API at::Generator generator_of(const RandomStream& stream, at::Device device);

}  // namespace easylm
