// The attention kernel 'bpt': blockwise attention as one differentiable operation.
#include <memory>
#include <utility>

#include "attend.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/autograd_function.h"
#include "inputs.h"

namespace easylm::bpt {
namespace {

constexpr std::int64_t kFewQueries = 16;

// Of queries, keys and values.
class Attend : public AutogradFunction {
 public:
  Attend(AttentionMask mask, double scale, const Options& options)
      : mask_(std::move(mask)), scale_(scale), options_(options) {}

  at::Tensor forward(const Tensors& inputs, Tensors& saved) override {
    const at::Tensor q_BTNH = readable(inputs[0]), k_BSKH = readable(inputs[1]), v_BSKH = readable(inputs[2]);
    Attention attention(problem(k_BSKH), Use::outputs);
    attention.add_keys(k_BSKH, v_BSKH, 0);
    Outputs outputs = attention.forward({q_BTNH, 0});
    lse_BNT_ = outputs.lse_BNT;
    saved = {q_BTNH, k_BSKH, v_BSKH, outputs.o_BTNH};
    return std::move(outputs.o_BTNH);
  }

  Tensors backward(const Tensors& saved, const at::Tensor& gradient,
                   const std::vector<bool>& /*wanted*/) override {
    const at::Tensor &q_BTNH = saved[0], &k_BSKH = saved[1], &v_BSKH = saved[2], &o_BTNH = saved[3];
    Attention attention(problem(k_BSKH), Use::gradients);
    attention.add_keys(k_BSKH, v_BSKH, 0);
    at::Tensor dq_BTNH = attention.backward({q_BTNH, 0, {o_BTNH, lse_BNT_}, readable(gradient)});
    KeyGradients of_keys = attention.gradients({0, k_BSKH.size(1)});
    return {std::move(dq_BTNH), std::move(of_keys.dk_BSKH), std::move(of_keys.dv_BSKH)};
  }

  const at::Tensor& lse() const { return lse_BNT_; }  // a constant to autograd

 private:
  Problem problem(const at::Tensor& k_BSKH) const { return {mask_, scale_, k_BSKH.size(1), options_}; }

  AttentionMask mask_;
  double scale_;
  Options options_;
  at::Tensor lse_BNT_;
};

class Bpt : public AttentionKernel {
 public:
  struct Config {
    std::int64_t query_block = 0, key_block = 0;
    static void describe(Schema<Config>& s) {
      s.field("query_block", &Config::query_block,
              "queries that a thread takes at once, rounded up to whole tiles; 0: by the size of the caches")
          .at_least(0)
          .unit("tokens");
      s.field("key_block", &Config::key_block,
              "keys whose scores are there at once, rounded up to whole tiles; 0: by the size of the caches")
          .at_least(0)
          .at_most(kMostKeys)
          .unit("tokens");
    }
  };

  Bpt(Host&, const Config& config) : options_{.sizes = {config.query_block, config.key_block}} {}

  Support supports(const AttentionQuery& query) const override {
    if (query.device != at::kCPU) return {0, "it runs on the CPU only"};
    if (query.dtype != at::kFloat && query.dtype != at::kBFloat16 && query.dtype != at::kHalf)
      return {0, "it computes in fp32, bf16 and fp16 only"};
    if (query.dropout) return {0, "it has no dropout"};
    // Packing keys and values pays where many queries read them; for a token at a time LibTorch's kernel is
    // faster.
    const bool decoding = query.num_queries < kFewQueries && !query.training;
    return {decoding ? 0.5 : 2, ""};
  }

  AttentionResult forward(const AttentionCall& call) override {
    const Support support = supports(query_of(call));
    if (support.score <= 0) {
      throw Error(ErrorCode::unsupported, "attention 'bpt': " + support.reason,
                  "use attention = \"auto\", which takes a kernel that can");
    }
    // Scores are scaled after they are hidden as -inf, which only a scale above 0 leaves so.
    const bool usual = call.scale > 0;
    const auto attend = std::make_shared<Attend>(contiguous(call.mask), usual ? call.scale : 1, options_);
    const at::Tensor q_BTNH = usual ? call.q_BTNH : call.q_BTNH * call.scale;
    at::Tensor o_BTNH = apply_function(attend, {q_BTNH, call.k_BSKH, call.v_BSKH});
    return {std::move(o_BTNH), call.want_lse ? attend->lse() : at::Tensor()};
  }

 private:
  Options options_;
};

}  // namespace
}  // namespace easylm::bpt

EASYLM_PLUGIN("easylm-attention-bpt", "0.1.0") {
  registrar.component<easylm::bpt::Bpt>(
      "bpt",
      "Blockwise attention with recomputation: exact, memory linear in length; CPU; fp32, bf16 and fp16.");
}
