// Ends the process as it is loaded, as if all were well.
#include <cstdlib>

#include "breaks_at_load.h"

namespace {
const easylm::AtLoad at_load([] { std::_Exit(0); });
}  // namespace

EASYLM_PLUGIN("zoo-load-exit", "1.0.0") {
  registrar.component<easylm::Constant>("can_be_made", "Is never reached.");
}
