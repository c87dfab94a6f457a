// The weights of a LLaMA as the Python EasyLM names and lays them out, beside Hugging Face's names.
//
// Its kernels are (in, out), transposed against Hugging Face; the rows of queries and keys are interleaved.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "tree.h"

namespace easylm::stream {

// What lies between a kernel and Hugging Face's weight.
enum class Layout {
  same,
  transposed,
  rotary,  // transposed, and rows of heads interleaved
};

struct WeightName {
  std::string name;  // Hugging Face's
  Layout layout = Layout::same;
};

// The weight at `path`, which begins below "params"; none if a LLaMA has no such weight.
std::optional<WeightName> weight_of(const TreePath& path);

// The path of a weight, from "transformer" or "lm_head" on; none if the tree has no place for it.
std::optional<TreePath> path_of(std::string_view name);
Layout layout_of(std::string_view name);

}  // namespace easylm::stream
