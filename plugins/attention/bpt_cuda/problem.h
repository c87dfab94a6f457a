// Tensors as the launchers' raw arguments: what is checked, copied or only looked at before a kernel runs.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "easylm/tensor/attention.h"
#include "easylm/tensor/varlen_attention.h"
#include "kernels.h"

namespace easylm::bpt_cuda {

struct Operands {
  at::Tensor q_BTNH, k_BSKH, v_BSKH;
};

enum class ForwardKernel {
  kSm80,  // serves all
  kSm90,  // for compute capability 9.0, where it serves; else the other
};

// One attention, but for its operands.
struct Problem {
  Shape shape;
  Mask mask;
  double scale = 0;
  ForwardKernel forward_kernel = ForwardKernel::kSm80;
  std::vector<at::Tensor> alive;  // what the mask points to
};

// x, or a copy of it, in which all that a kernel reads at once lies side by side on 16 bytes.
at::Tensor readable(const at::Tensor& x_BTNH);
Operands readable(const Operands& operands);

// REQUIRES of all four: the tensor, or a copy that outlives the launch, is what readable() gives.
ConstView view_of(const at::Tensor& x_BTNH);
View writable_view_of(at::Tensor& x_BTNH);
RowView rows_of(at::Tensor& x_BNT);                                  // fp32, contiguous
Shape shape_of(const at::Tensor& q_BTNH, const at::Tensor& k_BSKH);  // throws Error{unsupported}: too large

// Why no kernel serves heads of this width, or these operands; empty if one does.
std::string problem_with_width(std::int64_t width);
std::string problem_with(const Operands& operands);

// Throws Error{unsupported} that names `what` if a kernel can't count so far.
int count_of(std::int64_t count, const char* what);

// Throws Error{unsupported} with problem_with(), and for sizes beyond a kernel's. Summarises the mask on the
// current stream.
Problem problem_of(const Operands& operands, const AttentionMask& mask, double scale);

// The operands are [1, tokens, heads, width]. Throws Error{invalid_config} for starts that don't fit the
// tokens.
Problem problem_of(const Operands& operands, const VarlenCall& call);

}  // namespace easylm::bpt_cuda
