// A SentencePiece model as the files that transformers.AutoTokenizer reads.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>

#include "easylm/tokenizer.h"
#include "easylm/tokenizer_settings.h"
#include "model_file.h"
#include "processor.h"

namespace easylm::tokenizers {

struct HuggingFaceView {
  const ModelFile& model;
  const TokenizerSettings& settings;
  const std::map<TokenId, AddedToken>& added;
  std::optional<TokenId> before, after;  // marks around a text
};

// tokenizer.json, or none if Hugging Face's library has no exact counterpart: it has one of BPE models that
// leave the text as it is. `plain` is the model without its dummy prefix.
std::optional<std::string> tokenizer_json(const HuggingFaceView& view, const Processor& plain);

// For the generic class, which reads tokenizer.json, or converts tokenizer.model if there is none.
std::string tokenizer_config_json(const SpecialTokens& special,
                                  const std::function<std::string(TokenId)>& name_of);

}  // namespace easylm::tokenizers
