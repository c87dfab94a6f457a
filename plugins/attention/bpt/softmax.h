// Softmax down the columns: a block of scores has a row for each key and a column for each query, so that a
// register holds neighbouring queries and no sum crosses its lanes.
#pragma once

#include <cstdint>

namespace easylm::bpt {

// Scores [keys, width]: rows `width` apart. width: 8, 16 or 32.
struct ScorePanel {
  float* scores;
  std::int64_t keys, width;
};

// What the online softmax remembers of each of `width` queries.
struct PanelState {
  float* highest;  // -inf before the first key
  float* sum;      // of e^(score - highest)
  float* rescale;  // out: what sums so far must be multiplied by
};

// Turns scores into e^(score - highest), with `highest` and `sum` brought up to date. Returns whether any
// rescale is not 1.
bool accumulate_softmax(const ScorePanel& panel, const PanelState& state);

// rows[i, width] *= factor[width].
void scale_columns(float* rows, std::int64_t num_rows, std::int64_t width, const float* factor);

// p = e^(score - lse), in place of scores; then ds = p · (dp - delta), in place of dp. [keys, width] each.
struct GradientPanel {
  float* p;
  float* dp;
  std::int64_t keys, width;
  const float *lse, *delta;  // [width]; lse of a query that sees nothing: +inf
};
void softmax_probabilities(const GradientPanel& panel);
void softmax_gradient(const GradientPanel& panel);

}  // namespace easylm::bpt
