// The plugin easylm-tokenizer-bpe.
#include "easylm/sdk/plugin.h"
#include "bpe_tokenizer.h"

EASYLM_PLUGIN("easylm-tokenizer-bpe", "0.1.0") {
  registrar.component<easylm::tokenizers::bpe::BpeTokenizer>(
      "bpe", "Byte pair encoding as a tokenizer.json of Hugging Face describes it.");
}
