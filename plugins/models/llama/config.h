// The settings of a LLaMA: the keys of Hugging Face's config.json that say what is computed, and EasyLM's
// training options beside them. Special tokens are the tokenizer's.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "easylm/schema.h"
#include "easylm/value.h"

namespace easylm::llama {

// `rope_scaling` of transformers 4 and `rope_parameters` of transformers 5.
struct RopeTable {
  std::optional<std::string> rope_type, type;  // `type` is the older word
  std::optional<double> factor, low_freq_factor, high_freq_factor, rope_theta;
  std::optional<double> beta_fast, beta_slow, attention_factor, mscale, mscale_all_dim;
  std::optional<bool> truncate;
  std::optional<std::int64_t> original_max_position_embeddings;

  static void describe(Schema<RopeTable>& s);
};

enum class RopeKind { plain, linear, dynamic, yarn, llama3 };

// YaRN: pairs that turn often within the original positions are kept, those that turn seldom are stretched.
struct Yarn {
  double beta_fast = 32, beta_slow = 1;  // turns above which a pair is kept, and below which it is stretched
  double attention_factor = 1;           // by which queries and keys grow
  bool truncate = true;                  // whether the pairs between the two are counted in whole ones
};

// How positions become angles, whichever of the keys said so.
struct Rope {
  RopeKind kind = RopeKind::plain;
  double theta = 1e4;
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  Yarn yarn;
  std::int64_t original_positions = 0;
};

struct Config {
  std::int64_t vocab_size = 0;  // 0: the tokenizer's
  std::int64_t hidden_size = 0, intermediate_size = 0, num_hidden_layers = 0, num_attention_heads = 0;
  std::int64_t num_key_value_heads = 0;  // 0: as many as attention heads
  std::int64_t head_dim = 0;             // 0: hidden_size / num_attention_heads
  std::int64_t max_position_embeddings = 2048;
  double rms_norm_eps = 1e-6;
  double rope_theta = 1e4;
  std::optional<RopeTable> rope_scaling, rope_parameters;
  bool attention_bias = false, mlp_bias = false, tie_word_embeddings = false;
  std::string hidden_act = "silu";
  double initializer_range = 0.02;
  double embedding_dropout = 0, attention_dropout = 0, feedforward_dropout = 0, residue_dropout = 0;
  double fcm_min_ratio = 0, fcm_max_ratio = 0;
  Table attention = {"auto"};
  bool blockwise = false;

  static void describe(Schema<Config>& s);

  std::int64_t kv_heads() const {
    return num_key_value_heads > 0 ? num_key_value_heads : num_attention_heads;
  }
  std::int64_t head_width() const { return head_dim > 0 ? head_dim : hidden_size / num_attention_heads; }
  Rope rope() const;
};

// The config.json that transformers reads.
Table hf_config_of(const Config& config);

}  // namespace easylm::llama
