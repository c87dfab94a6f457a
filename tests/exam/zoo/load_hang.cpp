// Never comes back from being loaded.
#include <unistd.h>

#include "breaks_at_load.h"

namespace {
const easylm::AtLoad at_load([] {
  for (;;) pause();
});
}  // namespace

EASYLM_PLUGIN("zoo-load-hang", "1.0.0") {
  registrar.component<easylm::Constant>("can_be_made", "Is never reached.");
}
