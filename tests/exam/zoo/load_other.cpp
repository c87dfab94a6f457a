// Registers other components in the exam than its file describes.
#include "breaks_at_load.h"

EASYLM_PLUGIN("zoo-load-other", "1.0.0") {
  registrar.component<easylm::Constant>(easylm::is_examined() ? "hidden" : "can_be_made", "Is not there.");
}
