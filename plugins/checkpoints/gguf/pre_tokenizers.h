// How byte-level vocabularies cut text into words before they merge: under llama.cpp's names and as the
// patterns of Hugging Face's tokenizer.json.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/value.h"

namespace easylm::gguf {

struct PreTokenizer {
  std::span<const std::string_view> names;     // the first is the one that we write
  std::span<const std::string_view> patterns;  // applied one after the other
  bool ignore_merges = false;                  // a word that is a token is that token, whatever the merges
  bool adds_bos = false;                       // unless a file says otherwise
};

// Null for a name that we don't know.
const PreTokenizer* find_pre_tokenizer(std::string_view name);
// Null if none cuts like this.
const PreTokenizer* find_pre_tokenizer(std::span<const std::string> patterns, bool ignore_merges);

// JSON of tokenizer.json's "pre_tokenizer".
std::string pre_tokenizer_json(const PreTokenizer& pre_tokenizer);

// The patterns of such JSON. Throws Error{unsupported} for what is not a sequence of splits into the bytes'
// alphabet.
std::vector<std::string> patterns_of(const Value& pre_tokenizer);

}  // namespace easylm::gguf
