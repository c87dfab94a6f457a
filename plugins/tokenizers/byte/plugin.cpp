// The plugin easylm-tokenizer-byte.
#include "easylm/sdk/plugin.h"
#include "byte_tokenizer.h"

EASYLM_PLUGIN("easylm-tokenizer-byte", "0.1.0") {
  registrar.component<easylm::tokenizers::ByteTokenizer>("byte", "One id for each byte of the text.");
}
