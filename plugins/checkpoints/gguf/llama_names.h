// The tensors of a LLaMA under Hugging Face's names and under GGUF's.
#pragma once

#include <string>
#include <string_view>

namespace easylm::gguf {

inline constexpr std::string_view kRotaryFactors = "rope_freqs.weight";  // part of the configuration

// Whose rows are in another order (easylm/rotary_layout.h).
enum class HeadRows { same, query, key };

struct NamePair {
  std::string name;  // empty: not a tensor of a LLaMA
  HeadRows rows = HeadRows::same;
};

NamePair huggingface_name(std::string_view gguf);
NamePair gguf_name(std::string_view huggingface);

}  // namespace easylm::gguf
