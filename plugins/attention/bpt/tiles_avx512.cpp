// Tiles for AVX-512.
#include "tile_loops.h"

namespace easylm::bpt {

const TileKernel kAvx512Tiles = TileLoops<16, 14, false>::kKernel;

}  // namespace easylm::bpt
