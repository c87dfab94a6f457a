// The attention mask as a tensor, and what calls of the extensions must be like.
#include "easylm/tensor/attention.h"

#include <string>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/paged_attention.h"
#include "easylm/tensor/varlen_attention.h"

namespace easylm {
namespace {

void check_starts(const at::Tensor& starts, std::int64_t num_tokens, const std::string& whose) {
  const auto refuse = [&](const std::string& what) {
    throw Error(ErrorCode::invalid_config, "the starts of the sequences' " + whose + " " + what,
                "give int32 on the CPU, one more than sequences, from 0 up to the number of tokens");
  };
  if (!starts.defined() || !starts.is_cpu() || starts.scalar_type() != at::kInt || starts.dim() != 1 ||
      starts.size(0) == 0) {
    refuse("are no list of int32 on the CPU");
  }
  const at::Tensor list = starts.contiguous();
  const auto* at = list.const_data_ptr<std::int32_t>();
  const std::int64_t last = list.size(0) - 1;
  if (at[0] != 0) refuse("begin with " + std::to_string(at[0]));
  for (std::int64_t i = 0; i < last; ++i) {
    if (at[i + 1] < at[i]) refuse("fall from " + std::to_string(at[i]) + " to " + std::to_string(at[i + 1]));
  }
  if (at[last] == num_tokens) return;
  refuse("end with " + std::to_string(at[last]) + ", and there are " + std::to_string(num_tokens) +
         " tokens");
}

}  // namespace

at::Tensor visible_keys(const AttentionMask& mask, std::int64_t num_queries, std::int64_t num_keys,
                        at::Device device) {
  const at::TensorOptions options = at::TensorOptions(at::kLong).device(device);
  const at::Tensor query_T1 =
      aten::arange(mask.query_offset, mask.query_offset + num_queries, options).unsqueeze(1);
  const at::Tensor key_1S = aten::arange(num_keys, options).unsqueeze(0);
  at::Tensor visible = aten::ones({1, num_queries, num_keys}, options.dtype(at::kBool));
  if (mask.causal) visible = visible & (key_1S <= query_T1);
  if (mask.window > 0) visible = visible & (query_T1 - key_1S < mask.window);
  if (mask.segments_q_BT.defined()) {
    visible = visible & (mask.segments_q_BT.unsqueeze(2) == mask.segments_k_BS.unsqueeze(1));
  }
  if (mask.keep_BS.defined()) visible = visible & (mask.keep_BS.unsqueeze(1) | (key_1S == query_T1));
  return visible;
}

void check_varlen(const VarlenCall& call) {
  check_starts(call.starts_q, call.q_TNH.size(0), "queries");
  check_starts(call.starts_k, call.k_SKH.size(0), "keys");
  if (call.starts_q.size(0) == call.starts_k.size(0)) return;
  throw Error(ErrorCode::invalid_config,
              "there are starts for " + std::to_string(call.starts_q.size(0) - 1) +
                  " sequences of queries, and for " + std::to_string(call.starts_k.size(0) - 1) + " of keys",
              "give each sequence both; either may be empty");
}

void check_paged(const PagedCall& call) {
  const std::int64_t num_pages = call.k_PSKH.size(0), page_size = call.k_PSKH.size(1);
  const at::Tensor lengths = call.lengths_B.contiguous(), table = call.block_table_BM.contiguous();
  const std::int64_t most = table.size(1) * page_size;
  for (std::int64_t b = 0; b < lengths.size(0); ++b) {
    const std::int64_t length = lengths.const_data_ptr<std::int32_t>()[b];
    if (length < 0 || length > most) {
      throw Error(ErrorCode::invalid_config,
                  "row " + std::to_string(b) + " has " + std::to_string(length) +
                      " tokens, and its pages hold " + std::to_string(most),
                  "give the row more pages");
    }
    const std::int32_t* pages = table.const_data_ptr<std::int32_t>() + b * table.size(1);
    for (std::int64_t m = 0; m * page_size < length; ++m) {
      if (pages[m] >= 0 && pages[m] < num_pages) continue;
      throw Error(ErrorCode::invalid_config,
                  "row " + std::to_string(b) + " names page " + std::to_string(pages[m]) +
                      ", and there are " + std::to_string(num_pages),
                  "");
    }
  }
}

}  // namespace easylm
