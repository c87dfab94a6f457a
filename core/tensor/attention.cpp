// The attention mask as a tensor.
#include "easylm/tensor/attention.h"

#include "easylm/tensor/aten.h"

namespace easylm {

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

}  // namespace easylm
