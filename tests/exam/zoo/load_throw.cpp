// Throws as its components are registered.
#include <stdexcept>

#include "breaks_at_load.h"

EASYLM_PLUGIN("zoo-load-throw", "1.0.0") {
  registrar.component<easylm::Constant>("can_be_made", "Is never reached.");
  if (easylm::is_examined()) throw std::runtime_error("the licence has run out");
}
