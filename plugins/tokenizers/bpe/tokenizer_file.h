// Reading tokenizer.json.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "added_tokens.h"
#include "easylm/value.h"
#include "model.h"

namespace easylm::tokenizers::bpe {

// What a file says. Vocabulary and merges go straight into tables; only the small parts are kept as trees.
struct TokenizerFile {
  std::unique_ptr<Model> model;
  std::vector<AddedToken> added_tokens;
  std::optional<Table> normalizer, pre_tokenizer, post_processor, decoder;
  std::uint64_t fingerprint = 0;  // of all that decides ids
};

// Throws Error{unsupported} or Error{corrupt} that begins with `where`.
TokenizerFile read_tokenizer_file(std::string_view json, const std::string& where);

}  // namespace easylm::tokenizers::bpe
