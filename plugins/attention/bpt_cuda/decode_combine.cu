// Merges what the splits of a row's keys gave, by their log-sum-exps.
#include "decode_parts.h"

namespace easylm::bpt_cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / 32;

// A warp for each query of each head.
template <typename T>
__global__ void __launch_bounds__(kThreads) combine_kernel(const __grid_constant__ DecodeCall call) {
  const Parts parts(call);
  const std::int64_t row = std::int64_t{blockIdx.x} * kWarps + warp_index();
  if (row >= parts.num_rows) return;
  float largest = -INFINITY, total = 0;
  for (int split = 0; split < parts.num_splits; ++split) largest = fmaxf(largest, parts.lse(split, row));
  const float base = largest == -INFINITY ? 0.0F : largest;  // nothing seen: -inf - -inf would be NaN
  for (int split = 0; split < parts.num_splits; ++split) total += exp2_approx(parts.lse(split, row) - base);
  const float factor = total > 0 ? 1.0F / total : 0.0F;
  const int token = static_cast<int>(row % parts.num_queries);
  const std::int64_t pair = row / parts.num_queries;
  const QueryHead query = {static_cast<int>(pair / parts.num_heads), static_cast<int>(pair % parts.num_heads),
                           token};
  for (int column = 2 * lane_index(); column < parts.width; column += 64) {
    float2 sum = {0.0F, 0.0F};
    for (int split = 0; split < parts.num_splits; ++split) {
      const float weight = exp2_approx(parts.lse(split, row) - base) * factor;
      const float2 part = *reinterpret_cast<const float2*>(parts.output(split, row) + column);
      sum.x += part.x * weight;
      sum.y += part.y * weight;
    }
    write_output<T>(call, query, column, sum);
  }
  if (lane_index() == 0) write_lse(call, query, total > 0 ? base + log2f(total) : -INFINITY);
}

}  // namespace

int combine_parts(const DecodeCall& call, CUstream_st* stream) {
  const std::int64_t rows = std::int64_t{call.shape.batch} * call.shape.num_heads * call.shape.num_queries;
  if (rows > INT32_MAX) return cudaErrorInvalidValue;
  const auto blocks = static_cast<unsigned>((rows + kWarps - 1) / kWarps);
  const Launch launch = {blocks, kThreads, 0, stream};
  return call.shape.element == Element::kBf16 ? launch_kernel(combine_kernel<__nv_bfloat16>, launch, call)
                                              : launch_kernel(combine_kernel<__half>, launch, call);
}

}  // namespace easylm::bpt_cuda
