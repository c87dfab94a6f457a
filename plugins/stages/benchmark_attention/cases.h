// What attention is timed on: which kernels meet on which work, and how much work that is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace easylm::stages {

enum class Pass { forward, forward_backward };
std::string_view name_of(Pass pass);  // "forward", "forward_backward"

// "bpt", or "bpt@16384": at this length and no other.
struct NamedKernel {
  std::string name;
  std::int64_t length = 0;  // 0: at each of the plan's
};

// Throws Error{invalid_config}.
NamedKernel parse_kernel(std::string_view text);

// Each list × each other.
struct Plan {
  std::vector<NamedKernel> kernels;
  std::vector<std::int64_t> lengths, head_dims;
  std::vector<std::string> dtypes;
  std::vector<Pass> passes;
};

struct Entrant {
  std::string kernel;
  std::int64_t length = 0;
};

// Kernels that take turns.
struct Contest {
  std::int64_t head_dim = 0;
  std::string dtype;
  Pass pass = Pass::forward;
  std::vector<Entrant> entrants;
};

// One a length; kernels with a length of their own meet each other in one.
std::vector<Contest> contests_of(const Plan& plan);

// What all contests share.
struct CallShape {
  std::int64_t batch = 1, heads = 8, key_value_heads = 8;
  bool causal = true;
  std::int64_t window = 0;  // as in AttentionMask
};

// Pairs of a query and a key that it sees, in one head.
double visible_pairs(std::int64_t length, const CallShape& shape);

// Of the products of matrices alone, over the pairs that are visible: two forward, five more backward.
double flops_of(const Entrant& entrant, const Contest& contest, const CallShape& shape);

}  // namespace easylm::stages
