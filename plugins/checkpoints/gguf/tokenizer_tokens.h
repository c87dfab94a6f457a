// The tokens of a tokenizer.json as GGUF lists them, and the words for how it cuts text.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tokenizer_json.h"
#include "vocabulary.h"

namespace easylm::gguf {

struct TokenList {
  std::vector<std::string> tokens;  // by id; what is missing is a filler()
  std::vector<TokenType> types;
  std::vector<float> scores;  // of SentencePiece only
  std::string_view model;     // kByteLevelModel or kSentencePieceModel
  std::string_view pre;       // of byte-level ones
  bool adds_space = false;    // of SentencePiece
};

// `size` tokens. Throws Error{unsupported} if llama.cpp has no words for it.
TokenList list_tokens(const TokenizerJson& json, std::int64_t size);

// The tokens that its template puts before and after each text; empty: none. None if it has no template.
struct TemplateMarks {
  std::string before, after;
};
std::optional<TemplateMarks> template_marks(const TokenizerJson& json);

}  // namespace easylm::gguf
