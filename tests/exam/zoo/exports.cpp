// Exports a second symbol, which others could take for their own.
#include "breaks_at_load.h"

extern "C" EASYLM_API int zoo_of_everyone();
int zoo_of_everyone() { return 1; }

EASYLM_PLUGIN("zoo-exports", "1.0.0") {
  registrar.component<easylm::Constant>("well_behaved", "Breaks no rule but its file's.");
}
