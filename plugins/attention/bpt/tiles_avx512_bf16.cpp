// Tiles for AVX-512 with dot products of bf16.
#include "tile_loops.h"

namespace easylm::bpt {

const TileKernel kAvx512Bf16Tiles = TileLoops<16, 14, true>::kKernel;

}  // namespace easylm::bpt
