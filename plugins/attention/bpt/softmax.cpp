// Loops of a fixed width, which the compiler keeps in registers.
#include "softmax.h"

#include <limits>

#include "easylm/error.h"
#include "easylm/tensor/simd.h"

namespace easylm::bpt {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

template <int W>
EASYLM_INLINE bool accumulate(const ScorePanel& panel, const PanelState& state) {
  float highest[W], shift[W], sum[W];
  for (int j = 0; j < W; ++j) highest[j] = state.highest[j];
  for (std::int64_t k = 0; k < panel.keys; ++k) {
    const float* row = panel.scores + k * W;
    for (int j = 0; j < W; ++j) highest[j] = row[j] > highest[j] ? row[j] : highest[j];
  }
  bool changed = false;
  for (int j = 0; j < W; ++j) {
    shift[j] = highest[j] == kNothing ? 0 : highest[j];
    const float rescale = fast_exp(state.highest[j] - shift[j]);
    state.rescale[j] = state.highest[j] == highest[j] ? 1 : rescale;
    changed |= state.highest[j] != highest[j];
    sum[j] = state.sum[j] * state.rescale[j];
    state.highest[j] = highest[j];
  }
  for (std::int64_t k = 0; k < panel.keys; ++k) {
    float* row = panel.scores + k * W;
    for (int j = 0; j < W; ++j) {
      const float p = fast_exp(row[j] - shift[j]);
      row[j] = p;
      sum[j] += p;
    }
  }
  for (int j = 0; j < W; ++j) state.sum[j] = sum[j];
  return changed;
}

template <int W>
EASYLM_INLINE void scale(float* rows, std::int64_t num_rows, const float* factor) {
  for (std::int64_t i = 0; i < num_rows; ++i) {
    for (int j = 0; j < W; ++j) rows[i * W + j] *= factor[j];
  }
}

template <int W>
EASYLM_INLINE void probabilities(const GradientPanel& panel) {
  for (std::int64_t k = 0; k < panel.keys; ++k) {
    float* row = panel.p + k * W;
    for (int j = 0; j < W; ++j) row[j] = fast_exp(row[j] - panel.lse[j]);
  }
}

template <int W>
EASYLM_INLINE void gradient(const GradientPanel& panel) {
  for (std::int64_t k = 0; k < panel.keys; ++k) {
    const float* p = panel.p + k * W;
    float* dp = panel.dp + k * W;
    for (int j = 0; j < W; ++j) dp[j] = p[j] * (dp[j] - panel.delta[j]);
  }
}

}  // namespace

EASYLM_SIMD bool accumulate_softmax(const ScorePanel& panel, const PanelState& state) {
  if (panel.width == 8) return accumulate<8>(panel, state);
  if (panel.width == 16) return accumulate<16>(panel, state);
  return accumulate<32>(panel, state);
}

EASYLM_SIMD void scale_columns(float* rows, std::int64_t num_rows, std::int64_t width, const float* factor) {
  if (width == 8) return scale<8>(rows, num_rows, factor);
  if (width == 16) return scale<16>(rows, num_rows, factor);
  return scale<32>(rows, num_rows, factor);
}

EASYLM_SIMD void softmax_probabilities(const GradientPanel& panel) {
  if (panel.width == 8) return probabilities<8>(panel);
  if (panel.width == 16) return probabilities<16>(panel);
  return probabilities<32>(panel);
}

EASYLM_SIMD void softmax_gradient(const GradientPanel& panel) {
  if (panel.width == 8) return gradient<8>(panel);
  if (panel.width == 16) return gradient<16>(panel);
  return gradient<32>(panel);
}

}  // namespace easylm::bpt
