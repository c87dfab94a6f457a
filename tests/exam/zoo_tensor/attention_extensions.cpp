// Attention kernels of which each breaks one rule of an extension. A component is called like the test that
// must find it.
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "easylm/tensor/chunked_layer.h"
#include "easylm/tensor/paged_attention.h"
#include "easylm/tensor/varlen_attention.h"
#include "good_attention.h"

namespace easylm {
namespace {

// ---- sequences end to end

class GoodVarlen : public Good, public VarlenAttention {
 public:
  static constexpr std::string_view kInterface = AttentionKernel::kInterface;
  using Good::Good;

  void* extension(std::string_view id) override {
    return id == VarlenAttention::kInterface ? static_cast<VarlenAttention*>(this) : nullptr;
  }

  VarlenResult forward_varlen(const VarlenCall& call) override {
    check(call);
    const auto* q = call.starts_q.const_data_ptr<std::int32_t>();
    const auto* k = call.starts_k.const_data_ptr<std::int32_t>();
    std::vector<at::Tensor> o_TNH{call.q_TNH.narrow(0, 0, 0)}, lse_NT;
    for (std::int64_t i = 0; i + 1 < call.starts_q.size(0); ++i) {
      const auto row = [](const at::Tensor& x, const std::int32_t* begin) {
        return x.narrow(0, begin[0], begin[1] - begin[0]).unsqueeze(0);
      };
      AttentionCall one{row(call.q_TNH, q + i), row(call.k_SKH, k + i), row(call.v_SKH, k + i)};
      one.mask.causal = call.causal;
      one.mask.window = call.window;
      one.mask.query_offset = offset(one.q_BTNH.size(1), one.k_BSKH.size(1));
      one.scale = call.scale;
      one.want_lse = true;
      const AttentionResult result = forward(one);
      o_TNH.push_back(result.o_BTNH[0]);
      lse_NT.push_back(result.lse_BNT[0].detach());
    }
    return {aten::cat(o_TNH), aten::cat(lse_NT, 1)};
  }

 protected:
  virtual void check(const VarlenCall& call) const { check_varlen(call); }
  virtual std::int64_t offset(std::int64_t queries, std::int64_t keys) const { return keys - queries; }
};

struct StartsTogether : GoodVarlen {
  using GoodVarlen::GoodVarlen;
  std::int64_t offset(std::int64_t /*queries*/, std::int64_t /*keys*/) const override { return 0; }
};

struct SumsOfSequences : GoodVarlen {
  using GoodVarlen::GoodVarlen;
  VarlenResult forward_varlen(const VarlenCall& call) override {
    VarlenResult result = GoodVarlen::forward_varlen(call);
    result.lse_NT = result.lse_NT.exp();
    return result;
  }
};

struct LeaksBetweenSequences : GoodVarlen {
  using GoodVarlen::GoodVarlen;
  VarlenResult forward_varlen(const VarlenCall& call) override {
    VarlenResult result = GoodVarlen::forward_varlen(call);
    result.o_TNH = result.o_TNH + result.o_TNH.detach().sum() * 0;
    return result;
  }
};

struct TrustsStarts : GoodVarlen {
  using GoodVarlen::GoodVarlen;
  void check(const VarlenCall& call) const override {
    if (call.starts_q.numel() < 2 || call.starts_q.size(0) != call.starts_k.size(0)) check_varlen(call);
  }
};

// ---- pages

class GoodPaged : public Good, public PagedAttention {
 public:
  static constexpr std::string_view kInterface = AttentionKernel::kInterface;
  using Good::Good;

  void* extension(std::string_view id) override {
    return id == PagedAttention::kInterface ? static_cast<PagedAttention*>(this) : nullptr;
  }

  at::Tensor forward_paged(const PagedCall& call) override {
    const at::NoGradGuard no_grad;
    check(call);
    const std::int64_t num_queries = call.q_BTNH.size(1);
    at::Tensor o_BTNH = aten::zeros(call.q_BTNH.sizes(), call.q_BTNH.options());
    for (std::int64_t b = 0; b < call.lengths_B.size(0); ++b) {
      const auto length = call.lengths_B[b].item<std::int64_t>();
      const at::Tensor pages = pages_of(call, b, length);
      const auto row = [&](const at::Tensor& x_PSKH) {
        return cut(x_PSKH.index_select(0, pages).flatten(0, 1), length).unsqueeze(0);
      };
      AttentionCall one{call.q_BTNH.narrow(0, b, 1), row(call.k_PSKH), row(call.v_PSKH)};
      one.mask.window = call.window;
      one.mask.query_offset = length - num_queries;
      one.scale = call.scale;
      o_BTNH.narrow(0, b, 1).copy_(forward(one).o_BTNH);
    }
    return o_BTNH;
  }

 protected:
  virtual void check(const PagedCall& call) const { check_paged(call); }

  virtual at::Tensor pages_of(const PagedCall& call, std::int64_t row, std::int64_t length) const {
    const std::int64_t size = call.k_PSKH.size(1);
    return call.block_table_BM[row].narrow(0, 0, (length + size - 1) / size);
  }

  virtual at::Tensor cut(const at::Tensor& tokens, std::int64_t length) const {
    return tokens.narrow(0, 0, length);
  }
};

struct PagesInOrder : GoodPaged {
  using GoodPaged::GoodPaged;
  at::Tensor pages_of(const PagedCall& call, std::int64_t row, std::int64_t length) const override {
    return std::get<0>(GoodPaged::pages_of(call, row, length).sort());
  }
};

struct WideWindowOfPages : GoodPaged {
  using GoodPaged::GoodPaged;
  at::Tensor forward_paged(const PagedCall& given) override {
    PagedCall call = given;
    if (call.window > 0) ++call.window;
    return GoodPaged::forward_paged(call);
  }
};

// What is behind the last token is hidden by the causal mask, but not what 0 times NaN is.
struct ReadsWholePages : GoodPaged {
  using GoodPaged::GoodPaged;
  at::Tensor cut(const at::Tensor& tokens, std::int64_t /*length*/) const override { return tokens; }
};

struct TrustsThePageTable : GoodPaged {
  using GoodPaged::GoodPaged;
  void check(const PagedCall& /*call*/) const override {}
  at::Tensor pages_of(const PagedCall& call, std::int64_t row, std::int64_t length) const override {
    const std::int64_t pages = (length + call.k_PSKH.size(1) - 1) / call.k_PSKH.size(1);
    const at::Tensor all = call.block_table_BM[row];
    return all.narrow(0, 0, std::min(pages, all.size(0))).clamp(0, call.k_PSKH.size(0) - 1);
  }
  at::Tensor cut(const at::Tensor& tokens, std::int64_t length) const override {
    return tokens.narrow(0, 0, std::min(length, tokens.size(0)));
  }
};

// ---- layers in chunks

// The formula, a chunk of queries at a time, and its gradients.
class PlainChunks : public ChunkAttention {
 public:
  explicit PlainChunks(LayerCall call) : call_(std::move(call)) {}

  void add_keys(const at::Tensor& k_BCKH, const at::Tensor& v_BCKH, TokenSpan /*tokens*/) override {
    k_.push_back(k_BCKH.detach());
    v_.push_back(v_BCKH.detach());
  }

  AttentionResult forward(const at::Tensor& q_BCNH, TokenSpan tokens) override {
    const at::NoGradGuard no_grad;
    return attend(q_BCNH, all(k_), all(v_), tokens);
  }

  at::Tensor backward(const at::Tensor& q_BCNH, const AttentionResult& /*result*/, const at::Tensor& do_BCNH,
                      TokenSpan tokens) override {
    const at::AutoGradMode with_graph(true);
    const at::Tensor q = q_BCNH.detach().requires_grad_(), k = all(k_).detach().requires_grad_(),
                     v = all(v_).detach().requires_grad_();
    const auto found = torch::autograd::grad({attend(q, k, v, tokens).o_BTNH}, {q, k, v}, {do_BCNH});
    dk_ = dk_.defined() ? dk_ + found[1] : found[1];
    dv_ = dv_.defined() ? dv_ + found[2] : found[2];
    return found[0];
  }

  LayerPieces::KeysValues gradients(TokenSpan tokens) override {
    return {dk_.narrow(1, tokens.begin, tokens.size), dv_.narrow(1, tokens.begin, tokens.size)};
  }

 private:
  static at::Tensor all(const std::vector<at::Tensor>& chunks) { return aten::cat(chunks, 1); }

  AttentionResult attend(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v,
                         TokenSpan tokens) const {
    AttentionMask mask = call_.mask;
    mask.query_offset = tokens.begin;
    if (mask.segments_q_BT.defined())
      mask.segments_q_BT = mask.segments_q_BT.narrow(1, tokens.begin, tokens.size);
    const at::Tensor hidden_B1TS =
        visible_keys(mask, q.size(1), k.size(1), at::kCPU).logical_not().unsqueeze(1);
    const std::int64_t shared = q.size(2) / k.size(2);
    const at::Tensor scores =
        at::einsum("btnh,bsnh->bnts", {q, k.repeat_interleave(shared, 2)}) * call_.scale;
    const at::Tensor p = scores.masked_fill(hidden_B1TS, kNothing).softmax(-1).masked_fill(hidden_B1TS, 0);
    return {at::einsum("bnts,bsnh->btnh", {p, v.repeat_interleave(shared, 2)}), {}};
  }

  LayerCall call_;
  std::vector<at::Tensor> k_, v_;
  at::Tensor dk_, dv_;
};

class GoodLayer : public Good, public BlockwiseLayer {
 public:
  static constexpr std::string_view kInterface = AttentionKernel::kInterface;
  using Good::Good;

  void* extension(std::string_view id) override {
    return id == BlockwiseLayer::kInterface ? static_cast<BlockwiseLayer*>(this) : nullptr;
  }

  at::Tensor run_layer(const LayerCall& call, const LayerPieces& pieces) override {
    return run_layer_in_chunks(
        call, pieces, [](const LayerCall& given, LayerPass) { return std::make_unique<PlainChunks>(given); },
        chunk());
  }

 protected:
  virtual std::int64_t chunk() const { return 256; }
};

struct ForgetsTheWindow : GoodLayer {
  using GoodLayer::GoodLayer;
  at::Tensor run_layer(const LayerCall& given, const LayerPieces& pieces) override {
    LayerCall call = given;
    call.mask.window = 0;
    return GoodLayer::run_layer(call, pieces);
  }
};

struct HalfKeysOfLayers : GoodLayer {
  using GoodLayer::GoodLayer;
  at::Tensor run_layer(const LayerCall& call, const LayerPieces& given) override {
    LayerPieces pieces = given;
    pieces.keys_values = [keys_values = given.keys_values](const at::Tensor& h, TokenSpan tokens) {
      LayerPieces::KeysValues found = keys_values(h, tokens);
      found.k_BCKH = found.k_BCKH * 0.5 + (found.k_BCKH * 0.5).detach();
      return found;
    };
    return GoodLayer::run_layer(call, pieces);
  }
};

struct NeedsTheInputsGradient : GoodLayer {
  using GoodLayer::GoodLayer;
  at::Tensor run_layer(const LayerCall& given, const LayerPieces& pieces) override {
    const at::Tensor y_BTD = GoodLayer::run_layer(given, pieces);
    return given.h_BTD.requires_grad() ? y_BTD : y_BTD * 0.5 + (y_BTD * 0.5).detach();
  }
};

struct AllAtOnce : GoodLayer {
  using GoodLayer::GoodLayer;
  std::int64_t chunk() const override { return 1 << 20; }
};

// In two chunks, which is many enough for the pieces, but not for scores.
struct GreatChunks : GoodLayer {
  using GoodLayer::GoodLayer;
  std::int64_t chunk() const override { return 2048; }
};

struct DriftingLayers : GoodLayer {
  using GoodLayer::GoodLayer;
  at::Tensor run_layer(const LayerCall& call, const LayerPieces& pieces) override {
    return GoodLayer::run_layer(call, pieces) * (1 + 1e-6 * ++calls_);
  }
  int calls_ = 0;
};

// The backward pass uses the pieces of the last call.
struct KeepsTheLastPieces : GoodLayer {
  using GoodLayer::GoodLayer;
  at::Tensor run_layer(const LayerCall& call, const LayerPieces& given) override {
    last_ = given;
    LayerPieces pieces = given;
    pieces.finish = [this](const at::Tensor& h, const at::Tensor& o, TokenSpan tokens) {
      return last_.finish(h, o, tokens);
    };
    return GoodLayer::run_layer(call, pieces);
  }
  LayerPieces last_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-attention-extensions", "1.0.0") {
  using namespace easylm;  // NOLINT(google-build-using-namespace): names of this file alone
  registrar.component<StartsTogether>("attends_by_sequence", "Puts the first query at the first key.");
  registrar.component<SumsOfSequences>("attends_by_sequence-lse", "Gives sums where their logarithm is due.");
  registrar.component<LeaksBetweenSequences>("keeps_sequences_apart", "One NaN spreads to all sequences.");
  registrar.component<TrustsStarts>("refuses_bad_starts", "Takes starts as they come.");
  registrar.component<PagesInOrder>("reads_pages", "Takes pages in the order of their numbers.");
  registrar.component<WideWindowOfPages>("reads_pages-window", "Sees one key beyond the window.");
  registrar.component<ReadsWholePages>("ignores_unused_slots", "Reads what is behind the last token.");
  registrar.component<TrustsThePageTable>("refuses_missing_pages", "Takes some page where one is missing.");
  registrar.component<ForgetsTheWindow>("layers_equal_their_pieces", "Sees beyond the window.");
  registrar.component<HalfKeysOfLayers>("layers_equal_their_pieces-keys",
                                        "Gives half of the keys' gradient.");
  registrar.component<NeedsTheInputsGradient>("layers_give_what_is_asked_for",
                                              "Gives half of the gradients if the input needs none.");
  registrar.component<AllAtOnce>("layers_come_in_chunks", "Takes all tokens as one chunk.");
  registrar.component<GreatChunks>("layers_stay_small", "Holds the scores of half of all tokens.");
  registrar.component<DriftingLayers>("layers_are_deterministic", "Grows with every call.");
  registrar.component<KeepsTheLastPieces>("layers_can_be_recomputed",
                                          "Differentiates the last layer it was given.");
}
