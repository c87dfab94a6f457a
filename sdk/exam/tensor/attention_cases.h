// The calls that attention kernels are examined with: a seeded sample in which every value of every dimension
// occurs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "easylm/tensor/attention.h"
#include "tensors.h"

namespace easylm::exam {

struct AttentionCase {
  std::int64_t batch = 1, queries = 7, keys = 7, key_heads = 1, shared = 1, width = 8;
  std::int64_t offset = 0;  // position of query 0
  at::ScalarType dtype = at::kFloat;
  bool causal = true;
  std::int64_t window = 0;
  bool segments = false, keep = false, lse = false;
};

// "65 queries at 192 of 257 keys, 4 heads over 2, width 80, batch 3, bf16, causal, window 5"
std::string text_of(const AttentionCase& one);

// Its tensors are noise; documents are of random lengths, of no token and of one, too.
AttentionCall call_of(const Subject& subject, const AttentionCase& one);

// `count` cases over `lengths`.
std::vector<AttentionCase> sample_cases(const Subject& subject, std::size_t count,
                                        std::span<const std::int64_t> lengths);

}  // namespace easylm::exam
