// One call of a kernel and what came of it.
#pragma once

#include <string>

#include "attention_cases.h"
#include "attention_oracle.h"

namespace easylm::exam {

// Whether the kernel says that it serves `call`.
bool serves(const AttentionKernel& kernel, const AttentionCall& call);

// `call` with q, k and v as leaves of a graph.
AttentionCall as_leaves(AttentionCall call);

// The kernel's answer to `call`, with gradients under noise as the output's weights.
struct AttentionTrial {
  at::Tensor weights_BTNH;
  Attended found;

  AttentionTrial(const Subject& subject, AttentionKernel& kernel, const AttentionCall& call);

  // o, lse if there is one, dq, dk, dv.
  Tensors all() const;
};

// Counts the calls that a kernel serves, since a test that saw none says nothing.
class Served {
 public:
  // Whether `call` is one, which is noted for the report of a crash.
  bool counts(const AttentionKernel& kernel, const AttentionCall& call, const std::string& what);

  // Throws NotApplicable if there was none.
  void conclude() const;

 private:
  int count_ = 0;
};

// Throws Finding unless `o` and a wanted lse are what the formula says, of the right shape and dtype.
void expect_right(const AttentionCall& call, const AttentionResult& result, const Attended& wanted,
                  const std::string& where);

// Throws Finding unless the log-sum-exps are, -inf included.
void expect_right_lse(const at::Tensor& found, const at::Tensor& wanted, at::ScalarType dtype,
                      const std::string& where);

}  // namespace easylm::exam
