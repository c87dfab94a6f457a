// A call for each sequence. As documents of one row they would share blocks, in which a NaN of one, weighted
// with 0, is a NaN of all.
#include "varlen.h"

#include <string>
#include <vector>

#include "differentiable.h"
#include "easylm/error.h"
#include "easylm/tensor/aten.h"

namespace easylm::bpt {
namespace {

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::invalid_config, "attention over sequences end to end: " + what,
              "starts are int32 on the CPU, one more than sequences, from 0 up to the number of tokens");
}

// Lengths of the sequences.
std::vector<std::int64_t> lengths_of(const at::Tensor& starts, std::int64_t num_tokens,
                                     const std::string& name) {
  if (!starts.defined() || starts.scalar_type() != at::kInt || !starts.device().is_cpu() ||
      starts.dim() != 1 || starts.numel() == 0) {
    refuse(name + " must be a list of int32 on the CPU, and not empty");
  }
  const at::Tensor list = starts.contiguous();
  const auto* start = list.const_data_ptr<std::int32_t>();
  const std::int64_t num_sequences = list.numel() - 1;
  if (start[0] != 0) refuse(name + " begins with " + std::to_string(start[0]) + ", not with 0");
  std::vector<std::int64_t> lengths;
  lengths.reserve(static_cast<std::size_t>(num_sequences));
  for (std::int64_t i = 0; i < num_sequences; ++i) {
    if (start[i + 1] < start[i]) {
      refuse(name + " falls from " + std::to_string(start[i]) + " to " + std::to_string(start[i + 1]) +
             " at sequence " + std::to_string(i));
    }
    lengths.push_back(start[i + 1] - start[i]);
  }
  if (start[num_sequences] != num_tokens) {
    refuse(name + " ends with " + std::to_string(start[num_sequences]) + ", but there are " +
           std::to_string(num_tokens) + " tokens");
  }
  return lengths;
}

}  // namespace

VarlenResult attend_varlen(const VarlenCall& call, const Options& options) {
  const std::vector<std::int64_t> queries = lengths_of(call.starts_q, call.q_TNH.size(0), "starts_q");
  const std::vector<std::int64_t> keys = lengths_of(call.starts_k, call.k_SKH.size(0), "starts_k");
  if (queries.size() != keys.size()) {
    refuse("starts_q has " + std::to_string(queries.size()) + " sequences, starts_k " +
           std::to_string(keys.size()));
  }
  const std::vector<at::Tensor> q = call.q_TNH.split_with_sizes(queries),
                                k = call.k_SKH.split_with_sizes(keys), v = call.v_SKH.split_with_sizes(keys);
  std::vector<at::Tensor> outputs, lse;
  outputs.reserve(q.size());
  lse.reserve(q.size());
  for (std::size_t i = 0; i < q.size(); ++i) {
    AttentionCall one{q[i].unsqueeze(0), k[i].unsqueeze(0), v[i].unsqueeze(0)};
    one.mask.causal = call.causal;
    one.mask.window = call.window;
    one.mask.query_offset = keys[i] - queries[i];
    one.scale = call.scale;
    const AttentionResult result = attend(one, options);
    outputs.push_back(result.o_BTNH.squeeze(0));
    lse.push_back(result.lse_BNT.squeeze(0));
  }
  if (outputs.empty()) return {call.q_TNH, aten::empty({call.q_TNH.size(1), 0}, at::kFloat)};
  return {aten::cat(outputs, 0), aten::cat(lse, 1)};
}

}  // namespace easylm::bpt
