// Cosines and sines of positions, for every rotary scaling of the LLaMA family.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <mutex>

#include "config.h"
#include "easylm/tensor/ops.h"

namespace easylm::llama {

// Which tokens are turned: given positions, or a run of consecutive ones.
struct Positions {
  at::Tensor given;  // [T] or [B, T], int64; undefined: begin … begin + length - 1
  std::int64_t begin = 0, length = 0;
};

// Safe to use from many threads. Keeps the last answer, since every block of a pass asks for the same.
class RotaryTable {
 public:
  RotaryTable(const Rope& rope, std::int64_t head_dim, std::int64_t max_positions);

  // Throws Error{unsupported} for a position that the model doesn't have.
  RotaryAngles angles(const Positions& positions, at::Device device);

 private:
  RotaryAngles compute(const Positions& positions, at::Device device) const;
  at::Tensor frequencies(std::int64_t num_positions) const;  // [H/2], fp32, on the CPU

  Rope rope_;
  std::int64_t head_dim_, max_positions_;

  std::mutex mutex_;
  Positions last_positions_;
  std::uint32_t last_version_ = 0;
  RotaryAngles last_angles_;
};

}  // namespace easylm::llama
