// The choice between instruction sets.
#include "tiles.h"

#include "easylm/error.h"

namespace easylm::bpt {

const TileKernel& tile_kernel(InstructionSet set) {
  EASYLM_CHECK(has_instructions(set), "tiles of instructions that this processor does not have");
#if defined(__x86_64__)
  if (set == InstructionSet::avx2) return kAvx2Tiles;
  if (set == InstructionSet::avx512) return kAvx512Tiles;
  if (set == InstructionSet::avx512_bf16) return kAvx512Bf16Tiles;
#endif
  return kPortableTiles;
}

}  // namespace easylm::bpt
