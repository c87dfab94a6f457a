// params.json of Meta's LLaMA folders, as the keys of Hugging Face's config.json.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "easylm/value.h"

namespace easylm::torch_bin {

// What params.json says, as far as it says it; sizes that the weights show are left to them.
struct MetaParams {
  std::int64_t dim = 0, layers = 0, heads = 0, kv_heads = 0;
  std::int64_t vocabulary = 0;  // 0: not said
  double epsilon = 1e-5, rope_theta = 1e4;
  bool scaled_rope = false;
  double rope_factor = 0, low_freq_factor = 1, high_freq_factor = 4;  // factor 0: not said
};

// Throws Error{not_found} or Error{corrupt} that names the file.
MetaParams read_params(const std::filesystem::path& folder);

struct MetaSizes {
  std::int64_t vocabulary = 0, intermediate = 0, head_width = 0;
  bool tied = false;
};

// The factor by which the context was stretched: what the file says or, if it says nothing, that of Meta's
// models of this width.
double rope_factor(const MetaParams& params);

// config.json's keys. Without `max_position_embeddings`, of which Meta's files say nothing, unless the
// rotary scaling shows it.
Table config_of(const MetaParams& params, const MetaSizes& sizes);

}  // namespace easylm::torch_bin
