// The sum over the width of d_o * o, for each query and head.
//
// It is what a softmax's gradient subtracts: sum over the keys of p * dp. A warp takes a query; lanes read 16
// bytes each.
#include "backward_kernels.h"
#include "launch.h"
#include "tile.h"
#include "visibility.h"

namespace easylm::bpt_cuda {
namespace {

constexpr int kThreads = 128;
constexpr int kQueries = kThreads / 32;

template <typename T, int kWidth>
__global__ void __launch_bounds__(kThreads) delta_kernel(const __grid_constant__ BackwardCall call) {
  const Place place = place_of_block(divide_up(call.shape.num_queries, kQueries), call.shape.num_heads);
  const Sequence sequence = sequence_at(call.shape, call.mask, place.batch);
  const int query = place.tile * kQueries + warp_index();
  if (query >= sequence.num_queries) return;
  const GlobalRows o = sequence.queries(call.o, place.head), d_o = sequence.queries(call.d_o, place.head);
  float sum = 0;
  if (lane_index() < kWidth / 8) {
    const auto left = *reinterpret_cast<const Chunk*>(o.data + query * o.stride + lane_index() * 8);
    const auto right = *reinterpret_cast<const Chunk*>(d_o.data + query * d_o.stride + lane_index() * 8);
#pragma unroll
    for (int i = 0; i < 4; ++i) {
      const float2 a = unpack<T>(left.words[i]), b = unpack<T>(right.words[i]);
      sum += a.x * b.x + a.y * b.y;
    }
  }
#pragma unroll
  for (int distance = 16; distance > 0; distance /= 2) sum += __shfl_xor_sync(~0U, sum, distance);
  if (lane_index() == 0) sequence.rows(call.delta, place.head)[query] = sum;
}

}  // namespace

int backward_delta(const BackwardCall& call, CUstream_st* stream) {
  if (call.shape.num_queries == 0) return cudaSuccess;
  return dispatch(call.shape, [&]<typename T, int kWidth>() {
    const unsigned blocks =
        num_blocks(divide_up(call.shape.num_queries, kQueries), call.shape.num_heads, call.shape.batch);
    if (blocks == 0) return cudaErrorInvalidValue;
    return launch_kernel(delta_kernel<T, kWidth>, {blocks, kThreads, 0, stream}, call);
  });
}

}  // namespace easylm::bpt_cuda
