// What the three families publish of their tokenizers.
#include "styles.h"

#include <array>
#include <cstdio>

#include "easylm/error.h"
#include "easylm/utf8.h"

namespace easylm::stages {
namespace {

constexpr const char* kGpt2Words =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr const char* kLlama3Words =
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)";
// A word with the mark before it; digits and line ends one by one.
constexpr const char* kLlama2Words = R"(\n|\p{N}|▁?[^▁\n\p{N}]+|▁)";

TokenizerStyle llama2() {
  TokenizerStyle style{"llama2", kLlama2Words, false, {"<unk>", "<s>", "</s>"}, {}, "<s>", "</s>", true};
  for (int byte = 0; byte < 256; ++byte) {
    std::array<char, 8> name{};
    std::snprintf(name.data(), name.size(), "<0x%02X>", byte);
    style.first_tokens.emplace_back(name.data());
  }
  return style;
}

}  // namespace

TokenizerStyle tokenizer_style(std::string_view name) {
  if (name == "gpt2") {
    return {"gpt2", kGpt2Words, true, {}, {"<|endoftext|>"}, "<|endoftext|>", "<|endoftext|>", false};
  }
  if (name == "llama2") return llama2();
  EASYLM_CHECK(name == "llama3", "no such style");
  return {"llama3",
          kLlama3Words,
          true,
          {},
          {"<|begin_of_text|>", "<|end_of_text|>", "<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"},
          "<|begin_of_text|>",
          "<|end_of_text|>",
          true};
}

const std::vector<std::string>& byte_letters() {
  static const std::vector<std::string> kLetters = [] {
    std::vector<std::string> letters;
    std::uint32_t next = 0x100;
    for (std::uint32_t byte = 0; byte < 256; ++byte) {
      const bool printable =
          (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || (byte >= 0xAE && byte <= 0xFF);
      append_utf8(letters.emplace_back(), printable ? byte : next++);
    }
    return letters;
  }();
  return kLetters;
}

}  // namespace easylm::stages
