// Where rotary position embedding finds its pairs in the rows of LLaMA's query and key weights.
//
// Hugging Face turns row i of a head together with row i + H/2 (halves); Meta's files, GGUF and the Python
// EasyLM turn row 2i with row 2i + 1 (interleaved). The same weights, with the rows of each head in another
// order.
#pragma once

#include <cstdint>

namespace easylm {

// The row of the interleaved layout that holds what `row` holds in halves. `head_width` is even. [any-thread]
constexpr std::int64_t interleaved_row(std::int64_t row, std::int64_t head_width) {
  const std::int64_t in_head = row % head_width, half = head_width / 2;
  const std::int64_t pair = in_head % half, second = in_head / half;
  return row - in_head + 2 * pair + second;
}

// The row in halves that holds what `row` of the interleaved layout holds. The inverse of interleaved_row().
constexpr std::int64_t halves_row(std::int64_t row, std::int64_t head_width) {
  const std::int64_t in_head = row % head_width, half = head_width / 2;
  return row - in_head + in_head / 2 + in_head % 2 * half;
}

}  // namespace easylm
