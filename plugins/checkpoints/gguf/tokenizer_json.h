// Hugging Face's tokenizer.json, its long lists apart from the rest.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "easylm/value.h"

namespace easylm::gguf {

struct TokenizerJson {
  std::vector<std::pair<std::string, std::int64_t>> vocabulary;  // of the model, not the added tokens
  std::vector<std::pair<std::string, std::string>> merges;
  Table rest;  // everything else; a null member is left out
};

// Throws Error{corrupt}, or Error{unsupported} if the model is no BPE.
TokenizerJson read_tokenizer_json(std::string_view text);

}  // namespace easylm::gguf
