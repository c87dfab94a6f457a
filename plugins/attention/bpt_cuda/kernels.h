// The kernels of attention/bpt_cuda and how they are launched: raw memory and sizes, neither tensors nor
// headers of CUDA.
#pragma once

#include <cstddef>
#include <cstdint>

struct CUstream_st;  // what a cudaStream_t points to

namespace easylm::bpt_cuda {

enum class Element { kBf16, kFp16 };

// Numbers [batch, token, head, width] in device memory. Strides count elements; the width's is 1. Data and
// strides are multiples of 16 bytes. A stride may be 0 or larger than dense, and is never negative.
struct Strides {
  std::int64_t batch = 0, token = 0, head = 0;
};
struct ConstView {
  const void* data = nullptr;
  Strides strides;
};
struct View {
  void* data = nullptr;
  Strides strides;
};
// One fp32 number a query and head, [batch, head, token]; the token's stride is 1.
struct RowView {
  float* data = nullptr;
  std::int64_t batch_stride = 0, head_stride = 0;
};

// Widths served: 64, 80, 96, 128, 256. Every count is below 2^30 and num_heads a multiple of
// num_key_value_heads.
struct Shape {
  Element element = Element::kBf16;
  int head_dim = 0, batch = 0, num_queries = 0, num_keys = 0, num_heads = 0, num_key_value_heads = 0;
};

// As AttentionMask (easylm/tensor/attention.h); all pointers to device memory.
struct Mask {
  bool causal = true;
  int window = 0;        // if > 0: query position - key position < window; below 2^30
  int query_offset = 0;  // position of query 0 among the keys; below 2^30
  const std::int32_t *segments_q = nullptr, *segments_k = nullptr;  // [batch, tokens]; both or neither
  const bool* keep = nullptr;                                       // [batch, keys]
  std::int64_t segments_q_stride = 0, segments_k_stride = 0, keep_stride = 0;  // of a row, in elements
  // What summarize_mask() wrote for this mask and shape. REQUIRED with segments or `keep`, else unused.
  const void* summary = nullptr;
  // Cumulative lengths, [batch + 1] each, both or neither: `batch` counts sequences, num_queries and num_keys
  // are the longest of them (or more), batch strides are unused, and token 0 is that of the first sequence.
  // The last query of a sequence stands at its last key: query_offset, segments and keep are not used.
  const std::int32_t *starts_q = nullptr, *starts_k = nullptr;
};

// Launchers return a cudaError_t, 0 for success: cudaErrorInvalidValue (1) for a shape that the above
// excludes, else what the launch said. They wait for nothing and allocate nothing, so a stream that is being
// captured can take them.

// Bytes of device memory that summarize_mask() writes, 16-byte aligned; 0: the mask needs no summary.
std::size_t mask_summary_bytes(const Shape& shape, const Mask& mask);

// For each 64 tokens the smallest and largest segment, and whether `keep` hides any or all: by this whole
// blocks are skipped. It can be used again by every call with the same mask and shape.
int summarize_mask(const Shape& shape, const Mask& mask, void* summary, CUstream_st* stream);

struct ForwardCall {
  Shape shape;
  Mask mask;
  float scale = 0;  // > 0
  ConstView q, k, v;
  View o;       // of the inputs' element type
  RowView lse;  // natural logarithm; data may be null: not wanted
};
int forward(const ForwardCall& call, CUstream_st* stream);

enum class KeyGradients {
  kWrite,    // dk and dv are of the inputs' element type, and overwritten
  kAddFp32,  // dk and dv are fp32 (strides in fp32 numbers, 16-byte aligned), and added to
};

struct BackwardCall {
  Shape shape;
  Mask mask;
  float scale = 0;
  ConstView q, k, v, o, d_o;
  RowView lse;    // the forward pass's
  RowView delta;  // scratch, laid out as lse: what is written is the sum of d_o * o over the width
  View dq;        // of the inputs' element type
  View dk, dv;    // [batch, key, key_value_head, width]
  KeyGradients key_gradients = KeyGradients::kWrite;
};
// No atomics: every sum has one fixed order, and the same inputs give the same bits.
int backward(const BackwardCall& call, CUstream_st* stream);

}  // namespace easylm::bpt_cuda
