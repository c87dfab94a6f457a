// Prints what the kernels ask of a launch: name, width, threads, bytes of dynamic shared memory.
#include <cstdio>

#include "bpt_cuda/tile_sizes.h"

namespace {

template <typename Tile>
void print(const char* kernel, int width) {
  std::printf("%s %d %d %zu\n", kernel, width, Tile::kThreads, Tile::kSharedBytes);
}

template <int kWidth>
void print_all() {
  print<easylm::bpt_cuda::ForwardTile<kWidth>>("forward_kernel", kWidth);
  print<easylm::bpt_cuda::GradientTile<kWidth>>("dq_kernel", kWidth);
  print<easylm::bpt_cuda::KeyTile<kWidth>>("dkdv_kernel", kWidth);
  print<easylm::bpt_cuda::DecodeTile<kWidth>>("decode_kernel", kWidth);
}

}  // namespace

int main() {
  print_all<64>();
  print_all<80>();
  print_all<96>();
  print_all<128>();
  print_all<256>();
}
