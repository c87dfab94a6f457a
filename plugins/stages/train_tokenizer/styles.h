// The kinds of tokenizers that can be trained: how each cuts texts into words, and its special tokens.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace easylm::stages {

struct TokenizerStyle {
  std::string name;
  std::string pattern;  // finds the words of a text; one language with Hugging Face's library
  bool byte_level =
      false;  // words are bytes, each written as a letter; else characters, falling back to bytes
  std::vector<std::string> first_tokens;  // before the others
  std::vector<std::string> last_tokens;   // after them
  std::string bos, eos;
  bool adds_bos = false;  // around a text
};

// "gpt2", "llama2" or "llama3". REQUIRES: it is one of them.
TokenizerStyle tokenizer_style(std::string_view name);

// GPT-2's alphabet: the letter that stands for each of the 256 bytes, in UTF-8.
const std::vector<std::string>& byte_letters();

inline constexpr std::string_view kSpaceMark = "\u2581";

}  // namespace easylm::stages
