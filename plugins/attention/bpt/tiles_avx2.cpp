// Tiles for AVX2 and FMA.
#include "tile_loops.h"

namespace easylm::bpt {

const TileKernel kAvx2Tiles = TileLoops<8, 6, false>::kKernel;

}  // namespace easylm::bpt
