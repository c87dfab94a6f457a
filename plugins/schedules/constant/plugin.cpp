// The plugin easylm-schedule-constant.
#include "easylm/sdk/plugin.h"
#include "constant.h"

EASYLM_PLUGIN("easylm-schedule-constant", "0.1.0") {
  registrar.component<easylm::schedules::Constant>("constant", "The same learning rate at every step.");
}
