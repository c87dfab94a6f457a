// Key functions of the tensor-facing interfaces.
#include "easylm/tensor/attention.h"
#include "easylm/tensor/blockwise_layer.h"
#include "easylm/tensor/model.h"
#include "easylm/tensor/optimizer.h"
#include "easylm/tensor/paged_attention.h"
#include "easylm/tensor/varlen_attention.h"

namespace easylm {

Model::~Model() = default;
KvView::~KvView() = default;
KvCacheModel::~KvCacheModel() = default;
AttentionKernel::~AttentionKernel() = default;
BlockwiseLayer::~BlockwiseLayer() = default;
PagedAttention::~PagedAttention() = default;
VarlenAttention::~VarlenAttention() = default;
Optimizer::~Optimizer() = default;
OptimizerFormula::~OptimizerFormula() = default;
StateVisitor::~StateVisitor() = default;

AttentionQuery query_of(const AttentionCall& call) {
  AttentionQuery query;
  query.batch = call.q_BTNH.size(0);
  query.num_queries = call.q_BTNH.size(1);
  query.num_heads = call.q_BTNH.size(2);
  query.head_dim = call.q_BTNH.size(3);
  query.num_keys = call.k_BSKH.size(1);
  query.num_key_value_heads = call.k_BSKH.size(2);
  query.dtype = call.q_BTNH.scalar_type();
  query.device = call.q_BTNH.device().type();
  query.causal = call.mask.causal;
  query.window = call.mask.window > 0;
  query.segments = call.mask.segments_q_BT.defined();
  query.keep = call.mask.keep_BS.defined();
  query.dropout = call.dropout > 0;
  query.lse = call.want_lse;
  query.training = call.q_BTNH.requires_grad();
  return query;
}

}  // namespace easylm
