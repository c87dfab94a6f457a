// Prints what the kernels ask of a launch: name, width, threads, bytes of dynamic shared memory.
#include <cstdio>

#include "bpt_cuda/tile_sizes.h"

namespace {

template <int kWidth>
void print() {
  using easylm::bpt_cuda::ForwardTile;
  using easylm::bpt_cuda::GradientTile;
  using easylm::bpt_cuda::KeyTile;
  std::printf("forward_kernel %d %d %zu\n", kWidth, ForwardTile<kWidth>::kThreads,
              ForwardTile<kWidth>::kSharedBytes);
  std::printf("dq_kernel %d %d %zu\n", kWidth, GradientTile<kWidth>::kThreads,
              GradientTile<kWidth>::kSharedBytes);
  std::printf("dkdv_kernel %d %d %zu\n", kWidth, KeyTile<kWidth>::kThreads, KeyTile<kWidth>::kSharedBytes);
}

}  // namespace

int main() {
  print<64>();
  print<80>();
  print<96>();
  print<128>();
  print<256>();
}
