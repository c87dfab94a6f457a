// The plugin 'adamw' as a part of this program.
#include "linked.h"

#undef EASYLM_PLUGIN
#define EASYLM_PLUGIN(NAME, VERSION) \
  void easylm::bench::register_adamw(::easylm::sdk::ComponentRegistrar& registrar)

#include "adamw/adamw.cpp"  // NOLINT(bugprone-suspicious-include)
