// The plugin easylm-tokenizer-sentencepiece.
#include "easylm/sdk/plugin.h"
#include "sentencepiece_tokenizer.h"

EASYLM_PLUGIN("easylm-tokenizer-sentencepiece", "0.1.0") {
  registrar.component<easylm::tokenizers::SentencePieceTokenizer>(
      "sentencepiece", "SentencePiece models (tokenizer.model): LLaMA 1 and 2, Mistral and others.");
}
