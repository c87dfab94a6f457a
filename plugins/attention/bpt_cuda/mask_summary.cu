// What whole blocks of keys and queries have in common, so that the other kernels can skip blocks.
//
// One warp for each kSummaryTokens tokens of a row: first those of the queries, then those of the keys.
#include "launch.h"
#include "visibility.h"

namespace easylm::bpt_cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kWarps = kThreads / 32;

struct Tokens {
  const std::int32_t* segments;
  const bool* keep;
  int begin, end;
};

__device__ __forceinline__ TokenSummary summarize(const Tokens& tokens) {
  TokenSummary summary = {INT_MAX, INT_MIN, 0, 0};
  for (int token = tokens.begin + lane_index(); token < tokens.end; token += 32) {
    if (tokens.segments != nullptr) {
      summary.smallest_segment = smaller(summary.smallest_segment, tokens.segments[token]);
      summary.largest_segment = larger(summary.largest_segment, tokens.segments[token]);
    }
    const bool kept = tokens.keep == nullptr || tokens.keep[token];
    summary.any_kept |= kept ? 1 : 0;
    summary.any_hidden |= kept ? 0 : 1;
  }
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) {
    summary.smallest_segment =
        smaller(summary.smallest_segment, __shfl_xor_sync(~0U, summary.smallest_segment, distance));
    summary.largest_segment =
        larger(summary.largest_segment, __shfl_xor_sync(~0U, summary.largest_segment, distance));
    summary.any_kept |= __shfl_xor_sync(~0U, summary.any_kept, distance);
    summary.any_hidden |= __shfl_xor_sync(~0U, summary.any_hidden, distance);
  }
  return summary;
}

struct SummaryCall {
  Mask mask;
  int num_queries, num_keys, num_summaries;
  TokenSummary* summaries;
};

__global__ void __launch_bounds__(kThreads) mask_summary_kernel(const __grid_constant__ SummaryCall call) {
  const int index = static_cast<int>(blockIdx.x) * kWarps + warp_index();
  if (index >= call.num_summaries) return;
  const int blocks_q = divide_up(call.num_queries, kSummaryTokens);
  const int blocks_row = blocks_q + divide_up(call.num_keys, kSummaryTokens);
  const int row = index / blocks_row, block = index % blocks_row;
  const bool of_keys = block >= blocks_q;
  const int begin = (of_keys ? block - blocks_q : block) * kSummaryTokens;
  Tokens tokens = {nullptr, nullptr, begin,
                   smaller(begin + kSummaryTokens, of_keys ? call.num_keys : call.num_queries)};
  const Mask& mask = call.mask;
  if (mask.segments_q != nullptr) {
    tokens.segments = of_keys ? mask.segments_k + row * mask.segments_k_stride
                              : mask.segments_q + row * mask.segments_q_stride;
  }
  if (mask.keep != nullptr && of_keys) tokens.keep = mask.keep + row * mask.keep_stride;
  const TokenSummary summary = summarize(tokens);
  if (lane_index() == 0) call.summaries[index] = summary;
}

std::int64_t num_summaries(const Shape& shape, const Mask& mask) {
  if (mask.segments_q == nullptr && mask.keep == nullptr) return 0;
  return std::int64_t{shape.batch} *
         (divide_up(shape.num_queries, kSummaryTokens) + divide_up(shape.num_keys, kSummaryTokens));
}

}  // namespace

std::size_t mask_summary_bytes(const Shape& shape, const Mask& mask) {
  return static_cast<std::size_t>(num_summaries(shape, mask)) * sizeof(TokenSummary);
}

int summarize_mask(const Shape& shape, const Mask& mask, void* summary, CUstream_st* stream) {
  const std::int64_t count = num_summaries(shape, mask);
  if (!is_valid(shape) || count > INT32_MAX) return cudaErrorInvalidValue;
  if (count == 0) return cudaSuccess;
  const SummaryCall call = {mask, shape.num_queries, shape.num_keys, static_cast<int>(count),
                            static_cast<TokenSummary*>(summary)};
  const auto blocks = static_cast<unsigned>(divide_up(call.num_summaries, kWarps));
  return launch_kernel(mask_summary_kernel, {blocks, kThreads, 0, stream}, call);
}

}  // namespace easylm::bpt_cuda
