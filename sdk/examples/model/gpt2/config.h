// The settings of a GPT-2: the keys of its config.json that say what is computed.
#pragma once

#include <cstdint>
#include <string>

#include "easylm/schema.h"
#include "easylm/value.h"

struct Gpt2Config {
  std::int64_t vocab_size = 0;  // 0: the tokenizer's
  std::int64_t n_positions = 1024, n_embd = 768, n_layer = 12, n_head = 12;
  std::int64_t n_inner = 0;  // 0: 4 n_embd; null in config.json
  std::string activation_function = "gelu_new";
  double layer_norm_epsilon = 1e-5, initializer_range = 0.02;
  double embd_pdrop = 0.1, attn_pdrop = 0.1, resid_pdrop = 0.1;
  bool scale_attn_weights = true, scale_attn_by_inverse_layer_idx = false;
  bool tie_word_embeddings = true;
  easylm::Table attention = {"auto"};

  static void describe(easylm::Schema<Gpt2Config>& s);

  std::int64_t inner() const { return n_inner > 0 ? n_inner : 4 * n_embd; }
};

// The config.json that transformers reads.
easylm::Table hf_config_of(const Gpt2Config& config);
