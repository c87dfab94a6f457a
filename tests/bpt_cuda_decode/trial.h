// One call of the decoding kernels on made-up numbers, run by the emulation, and what the formula says in
// fp64.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "bpt_cuda/decode.h"
#include "cuda_emulation/emulation/block.h"

namespace easylm::bpt_cuda {

struct DecodeTrial {
  Shape shape{.head_dim = 64, .batch = 1, .num_queries = 1, .num_heads = 2, .num_key_value_heads = 1};
  std::vector<int> lengths{100};  // one a row
  int window = 0;
  int num_splits = 1;
  int page_tokens = 16;       // 0: no table, and all rows have the first's length
  int most_keys = 1'000'000;  // that a row may have
  float loudness = 1;         // of keys: how far scores lie apart
};

std::string name_of(const DecodeTrial& trial);

struct Decoded {
  std::vector<std::uint16_t> o_BTNH;
  std::vector<float> lse_BNT;
  bool operator==(const Decoded&) const = default;
};

// What the kernel makes of it, in memory that holds NaN wherever nothing is to be read, and before anything
// is written. Pages lie in no order. Throws easylm::emulation::Fault.
Decoded decode_emulated(const DecodeTrial& trial, const emulation::Schedule& schedule);

// The differences to the formula: of the outputs relative to the largest of them, of the log-sum-exps
// absolutely; infinity for a NaN.
struct Difference {
  double output = 0, lse = 0;
};
Difference difference_to_formula(const DecodeTrial& trial, const Decoded& found);

// Every order of warps with early and with late copies.
std::vector<emulation::Schedule> all_schedules();

// What is wrong with the kernels on one small call that uses most of them; empty if nothing is found.
std::string find_fault();

}  // namespace easylm::bpt_cuda
