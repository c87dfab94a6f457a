// What the kernels of decoding share: where the parts of a result lie, and how it is written.
#pragma once

#include <cstdint>

#include "decode.h"
#include "launch.h"

namespace easylm::bpt_cuda {

struct QueryHead {
  int batch, head, token;
};

// The outputs of one split, [batch, heads, queries, width], after one another; after those of all splits
// their log-sum-exps, [splits, batch, heads, queries], base two.
struct Parts {
  float* data;
  std::int64_t num_rows;  // of a split
  int num_splits, width, num_heads, num_queries;

  __device__ __forceinline__ explicit Parts(const DecodeCall& call)
      : data(call.partial),
        num_rows(std::int64_t{call.shape.batch} * call.shape.num_heads * call.shape.num_queries),
        num_splits(call.num_splits),
        width(call.shape.head_dim),
        num_heads(call.shape.num_heads),
        num_queries(call.shape.num_queries) {}

  __device__ __forceinline__ std::int64_t row(const QueryHead& query) const {
    return (std::int64_t{query.batch} * num_heads + query.head) * num_queries + query.token;
  }
  __device__ __forceinline__ float* output(int split, std::int64_t row) const {
    return data + (split * num_rows + row) * width;
  }
  __device__ __forceinline__ float& lse(int split, std::int64_t row) const {
    return data[num_splits * num_rows * width + split * num_rows + row];
  }
};

template <typename T>
__device__ __forceinline__ void write_output(const DecodeCall& call, const QueryHead& query, int column,
                                             float2 numbers) {
  const Strides& strides = call.o.strides;
  auto* o = static_cast<std::uint16_t*>(call.o.data) + query.batch * strides.batch +
            query.token * strides.token + query.head * strides.head;
  *reinterpret_cast<std::uint32_t*>(o + column) = pack<T>(numbers.x, numbers.y);
}

__device__ __forceinline__ void write_lse(const DecodeCall& call, const QueryHead& query, float lse) {
  if (call.lse.data == nullptr) return;
  call.lse.data[query.batch * call.lse.batch_stride + query.head * call.lse.head_stride + query.token] =
      lse * kLn2;
}

// Merges the parts that the splits wrote.
int combine_parts(const DecodeCall& call, CUstream_st* stream);

}  // namespace easylm::bpt_cuda
