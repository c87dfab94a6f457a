// One attention problem with its inputs, what the kernels make of it, and what it should be.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "cuda_emulation/emulation/block.h"
#include "tensor16.h"

namespace easylm::bpt_cuda_test {

// What a test says of a problem.
struct Case {
  bpt_cuda::Shape shape;
  bool causal = true;
  int window = 0, query_offset = 0;
  std::vector<std::int32_t> segments_q, segments_k;  // [batch, tokens]
  std::vector<char> keep;                            // [batch, keys]
  std::vector<std::int32_t> starts_q, starts_k;      // cumulative lengths
  Layout layout = Layout::kDense;
  double magnitude = 1;      // of all numbers, which lie evenly around zero
  double largest_logit = 0;  // if > 0: queries and keys are scaled, that scores reach it
};

// One head of bf16 with as many keys as queries.
inline Case square(int width, int tokens) {
  Case example;
  example.shape = {bpt_cuda::Element::kBf16, width, 1, tokens, tokens, 1, 1};
  return example;
}

std::string describe(const Case& example);

// Does query t of row (or sequence) b see key s?
bool sees(const Case& example, int b, int t, int s);

struct Inputs {
  Tensor16 q, k, v, d_o;
  float scale;
};
Inputs make_inputs(const Case& example);

struct Outputs {
  Tensor16 o, dq, dk, dv;
  std::vector<float> lse;  // [batch, head, query], or [head, query] with cumulative lengths
};
// Runs the emulated kernels, forward and backward. Throws std::runtime_error if a launcher refuses.
Outputs run_kernels(const Case& example, const Inputs& inputs, const emulation::Schedule& schedule);

// The mask and the calls that run_kernels() makes, for tests that make calls of their own; pointers lead into
// the arguments.
bpt_cuda::Mask mask_of(const Case& example);
bpt_cuda::RowView rows_of(const Case& example, std::vector<float>& numbers);
void require_success(int status, const char* launcher);

// Numbers of the tensors in dense order.
struct Reference {
  std::vector<double> o, dq, dk, dv, lse;
  double largest_term = 0;  // of the sums that make dq and dk, with nothing cancelled in dp - delta
};
enum class Arithmetic {
  kExact,    // fp64
  kRounded,  // scores and log-sum-exp in fp32; probabilities, their gradients and results in the element type
};
Reference compute(const Case& example, const Inputs& inputs, Arithmetic arithmetic);

enum class Schedules {
  kTwo,  // one warp after the other with late copies, and shuffled with early ones
  kAll,  // four orders of warps, each with early and with late copies
};
// All that is wrong with the kernels' results for `example`, which all schedules must agree in; empty:
// nothing.
std::string find_fault(const Case& example, Schedules schedules);

// The largest absolute difference, NaN if any is NaN.
double largest_difference(const std::vector<double>& a, const std::vector<double>& b);
std::vector<double> numbers_of(const Tensor16& tensor);

}  // namespace easylm::bpt_cuda_test
