// Causal attention to the nearest keys (Beltagy et al. 2020): only the band along the diagonal is ever
// computed, so time and memory are linear in the length.
#include <ATen/ops/einsum.h>

#include <algorithm>
#include <cstdint>
#include <limits>
#include <vector>

#include "easylm/error.h"
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"

namespace {

using namespace easylm;

constexpr std::int64_t kBlock = 128;  // queries that share a piece of the band

at::Tensor part_of(const at::Tensor& rows, std::int64_t begin, std::int64_t size) {
  return rows.defined() ? rows.narrow(1, begin, size) : rows;
}

// A part of a call: some queries, and all the keys that a causal window lets them see.
AttentionCall band(const AttentionCall& call, std::int64_t window, std::int64_t first_query) {
  const std::int64_t num_queries = std::min(kBlock, call.q_BTNH.size(1) - first_query);
  const std::int64_t position = call.mask.query_offset + first_query;  // of the first query
  const std::int64_t end = std::min(call.k_BSKH.size(1), position + num_queries);
  const std::int64_t begin = std::clamp(position - window + 1, std::int64_t{0}, end);
  AttentionCall part = call;
  part.q_BTNH = part_of(call.q_BTNH, first_query, num_queries);
  part.k_BSKH = part_of(call.k_BSKH, begin, end - begin);
  part.v_BSKH = part_of(call.v_BSKH, begin, end - begin);
  part.mask.segments_q_BT = part_of(call.mask.segments_q_BT, first_query, num_queries);
  part.mask.segments_k_BS = part_of(call.mask.segments_k_BS, begin, end - begin);
  part.mask.keep_BS = part_of(call.mask.keep_BS, begin, end - begin);
  part.mask.window = window;
  part.mask.query_offset = position - begin;
  return part;
}

// In fp32 at least. q_BTNH → q_BTKGH (G query heads share a key head) → scores_BKGTS → o_BTKGH → o_BTNH
AttentionResult attend(const AttentionCall& call) {
  const at::ScalarType given = call.q_BTNH.scalar_type();
  const at::ScalarType type = given == at::kDouble ? at::kDouble : at::kFloat;
  const at::Tensor k_BSKH = call.k_BSKH.to(type), v_BSKH = call.v_BSKH.to(type);
  const at::Tensor q_BTKGH = call.q_BTNH.to(type).unflatten(2, {k_BSKH.size(2), -1});
  const at::Tensor hidden =
      visible_keys(call.mask, call.q_BTNH.size(1), k_BSKH.size(1), k_BSKH.device()).logical_not();
  const at::Tensor hidden_B11TS = hidden.unsqueeze(1).unsqueeze(1);
  const at::Tensor scores = (at::einsum("btkgh,bskh->bkgts", {q_BTKGH, k_BSKH}) * call.scale)
                                .masked_fill(hidden_B11TS, -std::numeric_limits<double>::infinity());
  // A query that sees no key has a row of -inf, whose softmax is NaN: it gets zeros instead.
  const at::Tensor p = scores.softmax(-1).masked_fill(hidden_B11TS, 0);
  AttentionResult result;
  result.o_BTNH = at::einsum("bkgts,bskh->btkgh", {p, v_BSKH}).flatten(2, 3).to(given);
  if (call.want_lse) result.lse_BNT = scores.logsumexp(-1).flatten(1, 2);
  return result;
}

class SlidingWindow final : public AttentionKernel {
 public:
  struct Config {
    std::int64_t window = 0;

    static void describe(Schema<Config>& s) {
      s.field("window", &Config::window,
              "how many keys a query sees, its own position being the last; 0: as many as the model says")
          .at_least(0)
          .unit("tokens");
    }
  };

  SlidingWindow(Host& /*host*/, const Config& config) : config_(config) {}

  Support supports(const AttentionQuery& query) const override {
    if (!query.causal) return {0, "a sliding window looks back only, and this call is not causal"};
    if (query.dropout) return {0, "it drops no probabilities"};
    if (config_.window == 0 && !query.window) return {0, "neither `window` nor the model sets a window"};
    return {1, ""};
  }

  AttentionResult forward(const AttentionCall& call) override {
    const Support support = supports(query_of(call));
    if (support.score <= 0) {
      throw Error(ErrorCode::unsupported, "attention 'sliding_window': " + support.reason,
                  "use attention = \"auto\", which takes a kernel that can");
    }
    std::vector<at::Tensor> o_BTNH, lse_BNT;
    for (std::int64_t query = 0; query < call.q_BTNH.size(1); query += kBlock) {
      const AttentionResult part = attend(band(call, narrower(call.mask.window), query));
      o_BTNH.push_back(part.o_BTNH);
      if (call.want_lse) lse_BNT.push_back(part.lse_BNT);
    }
    return {aten::cat(o_BTNH, 1), call.want_lse ? aten::cat(lse_BNT, 2) : at::Tensor()};
  }

 private:
  // Of our own window and the model's.
  std::int64_t narrower(std::int64_t models) const {
    return config_.window == 0 || models == 0 ? config_.window + models : std::min(config_.window, models);
  }

  Config config_;
};

}  // namespace

EASYLM_PLUGIN("example-attention-sliding-window", "1.0.0") {
  registrar.component<SlidingWindow>("sliding_window", "Causal attention to the nearest `window` keys.");
}
