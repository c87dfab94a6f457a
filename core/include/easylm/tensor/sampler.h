// Picks the next token from a model's logits, with transformers' meaning and order of each setting:
// repetition penalty, temperature, top-k, top-p, min-p.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <span>
#include <vector>

#include "easylm/random.h"
#include "easylm/tokenizer.h"

namespace easylm {

struct SamplingOptions {
  double temperature = 1;         // 0: always the most probable token
  std::int64_t top_k = 0;         // only the k most probable; 0: all
  double top_p = 1;               // only the most probable that together have this probability
  double min_p = 0;               // only those with this share of the greatest probability
  double repetition_penalty = 1;  // makes tokens that were seen less (> 1) or more (< 1) likely
};

struct Candidate {
  TokenId id = 0;
  double probability = 0;
};

struct SampledToken {
  TokenId id = 0;
  double log_probability = 0;  // under the model itself: before any of the settings
};

class EASYLM_API Sampler {
 public:
  // Draws one number from `random` for each token, none at temperature 0.
  Sampler(const SamplingOptions& options, const RandomStream& random);

  // `logits_V` on any device, in any float dtype; `seen` are all tokens so far, prompt included. Throws
  // Error{numeric} if no logit is finite or one is NaN.
  SampledToken next(const at::Tensor& logits_V, std::span<const TokenId> seen);

  // The distribution that next() draws from, most probable first, equals by id. REQUIRES: temperature > 0.
  std::vector<Candidate> distribution(const at::Tensor& logits_V, std::span<const TokenId> seen) const;

 private:
  SamplingOptions options_;
  RandomStream random_;
};

}  // namespace easylm
