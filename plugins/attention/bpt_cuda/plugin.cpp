// Registers the attention kernel 'bpt_cuda'.
#include "easylm/sdk/plugin.h"
#include "bpt_cuda.h"

EASYLM_PLUGIN("easylm-attention-bpt_cuda", "0.1.0") {
  registrar.component<easylm::bpt_cuda::BptCuda>(
      "bpt_cuda", "Blockwise attention with recomputation on NVIDIA GPUs from Ampere on; bf16 and fp16.");
}
