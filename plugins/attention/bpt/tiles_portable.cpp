// Tiles for any processor.
#include "tile_loops.h"

namespace easylm::bpt {

const TileKernel kPortableTiles = TileLoops<4, 4, false>::kKernel;

}  // namespace easylm::bpt
