// A LLaMA's config.json as GGUF's metadata.
#pragma once

#include <vector>

#include "easylm/value.h"
#include "llama_config.h"
#include "metadata_bytes.h"

namespace easylm::gguf {

struct LlamaSettings {
  Heads heads;
  std::int64_t head_width = 0, vocabulary = 0;
  bool ties_embeddings = false;
  std::vector<float> rotary_factors;  // to be written as rope_freqs.weight; empty if there is no such scaling
};

// Appends what llama.cpp needs. Throws Error{unsupported} for anything but a LLaMA, and for a setting that
// GGUF can't hold; Error{invalid_config} for one that is missing.
LlamaSettings add_config(const Table& config, MetadataBytes& metadata);

}  // namespace easylm::gguf
