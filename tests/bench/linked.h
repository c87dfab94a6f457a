// Plugins that are compiled into the benchmark: the same source, without the border around it.
#pragma once

#include "easylm/sdk/plugin.h"

namespace easylm::bench {

// What a file of a plugin calls EASYLM_PLUGIN, here as functions of their own.
void register_adamw(sdk::ComponentRegistrar& registrar);
void register_bpt(sdk::ComponentRegistrar& registrar);

}  // namespace easylm::bench
