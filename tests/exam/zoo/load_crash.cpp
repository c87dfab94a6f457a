// Aborts as it is loaded.
#include <cstdlib>

#include "breaks_at_load.h"

namespace {
const easylm::AtLoad at_load([] { std::abort(); });
}  // namespace

EASYLM_PLUGIN("zoo-load-crash", "1.0.0") {
  registrar.component<easylm::Constant>("can_be_made", "Is never reached.");
}
