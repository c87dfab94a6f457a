// Tensor maps of queries, keys and values, made on the host.
#pragma once

#include <cuda.h>

#include "intrinsics_sm90.h"
#include "kernels.h"
#include "launch.h"

namespace easylm::bpt_cuda {

// A tile is `tile_tokens` tokens of one head, and of these a line: 64 numbers.
constexpr int kLineNumbers = 64;
struct Rows {
  ConstView view;
  int tokens, heads, batch, tile_tokens;
};

#ifdef __CUDACC__
// The driver's function, without linking to the driver.
inline auto tensor_map_encoder() -> decltype(&cuTensorMapEncodeTiled) {
  void* function = nullptr;
  cudaDriverEntryPointQueryResult found = cudaDriverEntryPointSymbolNotFound;
  constexpr unsigned kCuda12 = 12000;
  const cudaError_t status = cudaGetDriverEntryPointByVersion("cuTensorMapEncodeTiled", &function, kCuda12,
                                                              cudaEnableDefault, &found);
  if (status != cudaSuccess || found != cudaDriverEntryPointSuccess) return nullptr;
  return reinterpret_cast<decltype(&cuTensorMapEncodeTiled)>(function);
}
#else
inline auto tensor_map_encoder() -> decltype(&cuTensorMapEncodeTiled) { return cuTensorMapEncodeTiled; }
#endif

inline bool has_tensor_map(const Rows& rows) {
  const Strides& strides = rows.view.strides;
  return (rows.tokens <= 1 || strides.token > 0) && (rows.heads <= 1 || strides.head > 0) &&
         (rows.batch <= 1 || strides.batch > 0);
}

// Dimensions: width, token, head, row of the batch.
inline cudaError_t encode_rows(CUtensorMap* map, const Shape& shape, const Rows& rows) {
  const auto encode = tensor_map_encoder();
  if (encode == nullptr) return cudaErrorNotSupported;
  const auto at_least_one = [](int count) { return static_cast<std::uint64_t>(count > 0 ? count : 1); };
  // The stride of a dimension of size 1 is never used, but checked.
  const auto bytes = [](std::int64_t stride, int count) {
    return static_cast<std::uint64_t>(count > 1 ? stride * 2 : 16);
  };
  const std::uint64_t size[4] = {static_cast<std::uint64_t>(shape.head_dim), at_least_one(rows.tokens),
                                 at_least_one(rows.heads), at_least_one(rows.batch)};
  const Strides& strides = rows.view.strides;
  const std::uint64_t stride[3] = {bytes(strides.token, rows.tokens), bytes(strides.head, rows.heads),
                                   bytes(strides.batch, rows.batch)};
  const std::uint32_t box[4] = {kLineNumbers, static_cast<std::uint32_t>(rows.tile_tokens), 1, 1};
  const std::uint32_t element_stride[4] = {1, 1, 1, 1};
  const CUresult result = encode(
      map,
      shape.element == Element::kBf16 ? CU_TENSOR_MAP_DATA_TYPE_BFLOAT16 : CU_TENSOR_MAP_DATA_TYPE_FLOAT16, 4,
      const_cast<void*>(rows.view.data), size, stride, box, element_stride, CU_TENSOR_MAP_INTERLEAVE_NONE,
      CU_TENSOR_MAP_SWIZZLE_128B, CU_TENSOR_MAP_L2_PROMOTION_L2_128B, CU_TENSOR_MAP_FLOAT_OOB_FILL_NONE);
  return result == CUDA_SUCCESS ? cudaSuccess : cudaErrorInvalidValue;
}

}  // namespace easylm::bpt_cuda
