// The most that this machine computes.
#pragma once

#include <c10/core/Device.h>
#include <c10/core/ScalarType.h>

#include <cstdint>
#include <utility>
#include <vector>

namespace easylm::stages {

// Floating-point operations a second, a multiplication and an addition counting two. On a CPU: of fused
// multiply-adds in registers, in fp32, and for bf16 of dot products where it has them; or of LibTorch's
// product of two large matrices, whichever is more (some have units for those). On a GPU: of that product.
class MachinePeak {
 public:
  MachinePeak(at::Device device, std::int64_t threads) : device_(device), threads_(threads) {}

  // Measured when first asked for; takes some tenths of a second.
  double flops_per_second(at::ScalarType dtype);

  // What was asked for so far.
  const std::vector<std::pair<at::ScalarType, double>>& measured() const { return measured_; }

 private:
  double measure(at::ScalarType dtype) const;

  at::Device device_;
  std::int64_t threads_;
  std::vector<std::pair<at::ScalarType, double>> measured_;
};

}  // namespace easylm::stages
