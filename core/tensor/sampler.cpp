// Filters a distribution over tokens and draws from it.
#include "easylm/tensor/sampler.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>

#include "easylm/error.h"

namespace easylm {
namespace {

using Scores = std::vector<double>;

Scores scores_of(const at::Tensor& logits_V) {
  const at::Tensor logits = logits_V.detach().to(at::kCPU, at::kFloat).contiguous();
  const auto* data = logits.const_data_ptr<float>();
  Scores scores(data, data + logits.numel());
  const bool any_nan = std::ranges::any_of(scores, [](double x) { return std::isnan(x); });
  if (any_nan || std::ranges::none_of(scores, [](double x) { return std::isfinite(x); })) {
    throw Error(ErrorCode::numeric, "the model's output is not a number",
                "the weights are damaged or diverged");
  }
  return scores;
}

double log_sum_exp(const Scores& scores) {
  const double greatest = *std::ranges::max_element(scores);
  double sum = 0;
  for (const double score : scores) sum += std::exp(score - greatest);
  return greatest + std::log(sum);
}

void penalise(Scores& scores, std::span<const TokenId> seen, double penalty) {
  if (penalty == 1) return;
  std::vector<bool> done(scores.size());
  for (const TokenId id : seen) {
    const auto i = static_cast<std::size_t>(id);
    if (done.at(i)) continue;
    done[i] = true;
    scores[i] = scores[i] < 0 ? scores[i] * penalty : scores[i] / penalty;
  }
}

TokenId most_probable(const Scores& scores) {
  return static_cast<TokenId>(std::ranges::max_element(scores) - scores.begin());
}

bool more_probable(const Candidate& a, const Candidate& b) {
  return a.probability > b.probability || (a.probability == b.probability && a.id < b.id);
}

void normalise(std::vector<Candidate>& candidates) {
  double sum = 0;
  for (const Candidate& candidate : candidates) sum += candidate.probability;
  for (Candidate& candidate : candidates) candidate.probability /= sum;
}

// Keeps the k most probable and what equals the last of them.
void keep_top_k(std::vector<Candidate>& candidates, std::int64_t k) {
  if (k <= 0 || k >= static_cast<std::int64_t>(candidates.size())) return;
  const auto last = candidates.begin() + (k - 1);
  std::ranges::nth_element(candidates, last, more_probable);
  const double threshold = last->probability;
  std::erase_if(candidates, [threshold](const Candidate& c) { return c.probability < threshold; });
}

// Keeps candidates as long as those before them have less than probability p together. They are sorted.
void keep_top_p(std::vector<Candidate>& candidates, double p) {
  if (p >= 1) return;
  double before = candidates.front().probability;
  std::size_t kept = 1;
  while (kept < candidates.size() && before < p) before += candidates[kept++].probability;
  candidates.resize(kept);
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, const RandomStream& random)
    : options_(options), random_(random) {}

std::vector<Candidate> Sampler::distribution(const at::Tensor& logits_V,
                                             std::span<const TokenId> seen) const {
  EASYLM_CHECK(options_.temperature > 0, "temperature 0 has no distribution");
  Scores scores = scores_of(logits_V);
  penalise(scores, seen, options_.repetition_penalty);
  const double greatest = *std::ranges::max_element(scores);
  std::vector<Candidate> candidates;
  for (std::size_t i = 0; i < scores.size(); ++i) {
    const double probability = std::exp((scores[i] - greatest) / options_.temperature);
    if (probability > 0) candidates.push_back({static_cast<TokenId>(i), probability});
  }
  keep_top_k(candidates, options_.top_k);
  normalise(candidates);
  std::ranges::sort(candidates, more_probable);
  keep_top_p(candidates, options_.top_p);
  const double floor = options_.min_p * candidates.front().probability;
  std::erase_if(candidates, [floor](const Candidate& c) { return c.probability < floor; });
  normalise(candidates);
  return candidates;
}

SampledToken Sampler::next(const at::Tensor& logits_V, std::span<const TokenId> seen) {
  const Scores raw = scores_of(logits_V);
  TokenId chosen = 0;
  if (options_.temperature == 0) {
    Scores scores = raw;
    penalise(scores, seen, options_.repetition_penalty);
    chosen = most_probable(scores);
  } else {
    const std::vector<Candidate> candidates = distribution(logits_V, seen);
    double left = random_.uniform();
    chosen = candidates.back().id;  // rounding may leave a little beyond the last one
    for (const Candidate& candidate : candidates) {
      left -= candidate.probability;
      if (left >= 0) continue;
      chosen = candidate.id;
      break;
    }
  }
  return {chosen, raw[static_cast<std::size_t>(chosen)] - log_sum_exp(raw)};
}

}  // namespace easylm
