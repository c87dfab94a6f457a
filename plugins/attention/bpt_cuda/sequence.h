// The tokens that a block of threads works on, and where their numbers lie.
#pragma once

#include <cstdint>

#include "intrinsics.h"
#include "kernels.h"

namespace easylm::bpt_cuda {

// Rows of one head in global memory; those from `end` on are read as zeros.
struct GlobalRows {
  const std::uint16_t* data;
  std::int64_t stride;
  int end;
};

// A row of the batch, or a sequence of the cumulative lengths.
struct Sequence {
  int batch;  // 0 with cumulative lengths
  int first_query, num_queries, first_key, num_keys, query_offset;

  __device__ __forceinline__ GlobalRows queries(const ConstView& view, int head) const {
    return {numbers(view, first_query, head), view.strides.token, num_queries};
  }
  __device__ __forceinline__ GlobalRows keys(const ConstView& view, int head) const {
    return {numbers(view, first_key, head), view.strides.token, num_keys};
  }
  // Where the rows of a tensor that is written begin, in elements.
  __device__ __forceinline__ std::int64_t start(const Strides& strides, int token, int head) const {
    return batch * strides.batch + token * strides.token + head * strides.head;
  }
  __device__ __forceinline__ float* rows(const RowView& view, int head) const {
    return view.data + batch * view.batch_stride + head * view.head_stride + first_query;
  }

 private:
  __device__ __forceinline__ const std::uint16_t* numbers(const ConstView& view, int token, int head) const {
    return static_cast<const std::uint16_t*>(view.data) + start(view.strides, token, head);
  }
};

__device__ __forceinline__ Sequence sequence_at(const Shape& shape, const Mask& mask, int index) {
  if (mask.starts_q == nullptr) return {index, 0, shape.num_queries, 0, shape.num_keys, mask.query_offset};
  const int first_query = mask.starts_q[index], num_queries = mask.starts_q[index + 1] - first_query;
  const int first_key = mask.starts_k[index], num_keys = mask.starts_k[index + 1] - first_key;
  return {0, first_query, num_queries, first_key, num_keys, num_keys - num_queries};
}

}  // namespace easylm::bpt_cuda
