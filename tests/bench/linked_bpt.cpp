// The plugin 'bpt' as a part of this program.
#include "linked.h"

#undef EASYLM_PLUGIN
#define EASYLM_PLUGIN(NAME, VERSION) \
  void easylm::bench::register_bpt(::easylm::sdk::ComponentRegistrar& registrar)

#include "bpt/bpt.cpp"  // NOLINT(bugprone-suspicious-include)
