// The settings of a LLaMA between Hugging Face's config.json and GGUF's metadata.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "easylm/value.h"
#include "metadata.h"

namespace easylm::gguf {

inline constexpr std::string_view kArchitectureKey = "general.architecture";
inline constexpr std::string_view kLlama = "llama";

// What LLaMA 3's rotary factors were made of: GGUF has no keys for it.
inline constexpr std::string_view kRotaryFactorKey = "easylm.rope.factor";
inline constexpr std::string_view kRotaryLowKey = "easylm.rope.low_freq_factor";
inline constexpr std::string_view kRotaryHighKey = "easylm.rope.high_freq_factor";

// Heads, by which rows of query and key weights are laid out.
struct Heads {
  std::int64_t query = 0, key = 0;
};

// Throws Error{corrupt} if the metadata has none.
Heads heads_of(const Metadata& metadata);

// What the tensors say of a model's settings.
struct TensorFacts {
  bool has_output = false;  // else the head is the embedding
  bool has_attention_bias = false, has_mlp_bias = false;
  std::int64_t vocabulary = 0;        // rows of the embedding
  std::vector<float> rotary_factors;  // rope_freqs.weight, if there is one
};

// HF's config.json, type "llama". Throws Error{corrupt} for what is missing or contradicts itself,
// Error{unsupported} that names the key for anything that our LLaMA doesn't compute: nothing is passed over.
Table config_of(const Metadata& metadata, const TensorFacts& facts);

}  // namespace easylm::gguf
