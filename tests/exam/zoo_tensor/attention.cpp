// Attention kernels that each break one rule. A component is called like the test that must find it.
#include <atomic>
#include <thread>

#include "good_attention.h"

namespace easylm {
namespace {

struct WideWindow : Good {
  using Good::Good;
  AttentionResult attend(const AttentionCall& given) override {
    AttentionCall call = given;
    if (call.mask.window > 0) ++call.mask.window;
    return Good::attend(call);
  }
};

struct WrongGroups : Good {
  using Good::Good;
  at::Tensor spread(const AttentionCall& call, const at::Tensor& x_BSKH) const override {
    return x_BSKH.repeat({1, 1, call.q_BTNH.size(2) / x_BSKH.size(2), 1});
  }
};

struct HalfKeyGradient : Good {
  using Good::Good;
  AttentionResult attend(const AttentionCall& given) override {
    AttentionCall call = given;
    call.k_BSKH = call.k_BSKH * 0.5 + (call.k_BSKH * 0.5).detach();
    return Good::attend(call);
  }
};

struct NoValueGradientAlone : Good {
  using Good::Good;
  AttentionResult attend(const AttentionCall& given) override {
    AttentionCall call = given;
    if (!call.q_BTNH.requires_grad()) call.v_BSKH = call.v_BSKH * 0.5 + (call.v_BSKH * 0.5).detach();
    return Good::attend(call);
  }
};

struct UnscaledLse : Good {
  using Good::Good;
  AttentionResult attend(const AttentionCall& given) override {
    AttentionResult result = Good::attend(given);
    if (result.lse_BNT.defined()) result.lse_BNT.div_(0.7);
    return result;
  }
};

struct BlindAverages : Good {
  using Good::Good;
  at::Tensor probabilities(const at::Tensor& scores, const at::Tensor& hidden) const override {
    return scores.masked_fill(hidden, -1e30).softmax(-1);
  }
};

struct BlindNan : Good {
  using Good::Good;
  at::Tensor probabilities(const at::Tensor& scores, const at::Tensor& hidden) const override {
    return scores.masked_fill(hidden, kNothing).softmax(-1);
  }
};

struct RefusesWhatItServes : Good {
  using Good::Good;
  AttentionResult attend(const AttentionCall& call) override {
    if (call.mask.window > 0 && call.mask.keep_BS.defined()) {
      throw Error(ErrorCode::unsupported, "window and keep together");
    }
    return Good::attend(call);
  }
};

struct GivesNoReason : Good {
  using Good::Good;
  Support supports(const AttentionQuery& query) const override {
    return query.dropout ? Support{0, ""} : Good::supports(query);
  }
};

struct ServesWhatItRefuses : Good {
  using Good::Good;
  Support supports(const AttentionQuery& query) const override {
    return query.lse ? Support{0, "it has no log-sum-exp"} : Good::supports(query);
  }
  AttentionResult forward(const AttentionCall& call) override { return attend(call); }
};

struct ReadsRaw : Good {
  using Good::Good;
  AttentionResult attend(const AttentionCall& given) override {
    AttentionCall call = given;
    call.q_BTNH = call.q_BTNH.as_strided(call.q_BTNH.sizes(), packed(call.q_BTNH.sizes()));
    return Good::attend(call);
  }
  static std::vector<std::int64_t> packed(at::IntArrayRef sizes) {
    return {sizes[1] * sizes[2] * sizes[3], sizes[2] * sizes[3], sizes[3], 1};
  }
};

struct Drifts : Good {
  using Good::Good;
  AttentionResult attend(const AttentionCall& call) override {
    AttentionResult result = Good::attend(call);
    result.o_BTNH = result.o_BTNH * (1 + 1e-7 * ++calls_);
    return result;
  }
  int calls_ = 0;
};

// Right for one thread: the number of keys is handed over in a member.
struct Shared : Good {
  using Good::Good;
  AttentionResult attend(const AttentionCall& call) override {
    keys_ = call.k_BSKH.size(1);
    AttentionResult result = Good::attend(call);
    std::this_thread::yield();
    result.o_BTNH = result.o_BTNH * (static_cast<double>(keys_) / static_cast<double>(call.k_BSKH.size(1)));
    return result;
  }
  std::atomic<std::int64_t> keys_{0};
};

struct Forgets : Good {
  using Good::Good;
  AttentionResult attend(const AttentionCall& call) override {
    AttentionResult result = Good::attend(call);
    if (call.mask.keep_BS.defined()) call.mask.keep_BS.zero_();
    return result;
  }
};

struct Leaks : Good {
  using Good::Good;
  AttentionResult attend(const AttentionCall& call) override {
    AttentionResult result = Good::attend(call);
    result.o_BTNH = result.o_BTNH + result.o_BTNH.detach().sum() * 0;
    return result;
  }
};

struct HidesALittle : Good {
  using Good::Good;
  at::Tensor probabilities(const at::Tensor& scores, const at::Tensor& hidden) const override {
    return (scores + hidden.to(scores.scalar_type()) * -1e9).softmax(-1).masked_fill(hidden, 0);
  }
};

struct Overflows : Good {
  using Good::Good;
  at::Tensor probabilities(const at::Tensor& scores, const at::Tensor& hidden) const override {
    const at::Tensor weights = scores.masked_fill(hidden, kNothing).exp();
    return weights / weights.sum(-1, true).clamp_min(1e-30);
  }
};

struct DropsByChance : Good {
  using Good::Good;
  at::Tensor drop(const at::Tensor& p, const AttentionCall& call) override {
    return dropout(p, call.dropout, RandomStream(++calls_, "dropout", 0));
  }
  std::uint64_t calls_ = 0;
};

struct LosesTheMean : Good {
  using Good::Good;
  at::Tensor drop(const at::Tensor& p, const AttentionCall& call) override {
    return Good::drop(p, call) * (1 - call.dropout);
  }
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-attention", "1.0.0") {
  using namespace easylm;  // NOLINT(google-build-using-namespace): names of this file alone
  registrar.component<WideWindow>("follows_the_formula-window", "Sees one key beyond the window.");
  registrar.component<WrongGroups>("follows_the_formula-groups", "Deals key heads to query heads in turn.");
  registrar.component<HalfKeyGradient>("has_the_formulas_gradients", "Gives half of the keys' gradient.");
  registrar.component<NoValueGradientAlone>("has_the_formulas_gradients-alone",
                                            "Gives half of the values' gradient if queries want none.");
  registrar.component<UnscaledLse>("gives_the_log_sum_exp", "Scales the log-sum-exp.");
  registrar.component<BlindAverages>("gives_blind_queries_nothing", "Gives blind queries an average.");
  registrar.component<BlindNan>("gives_blind_queries_nothing-nan", "Gives blind queries what is no number.");
  registrar.component<RefusesWhatItServes>("says_what_it_serves", "Refuses what it said it serves.");
  registrar.component<GivesNoReason>("says_what_it_serves-reason", "Says no, and not why.");
  registrar.component<ServesWhatItRefuses>("says_what_it_serves-anyway", "Serves what it said it can't.");
  registrar.component<ReadsRaw>("reads_any_strides", "Takes queries to lie side by side.");
  registrar.component<Drifts>("is_deterministic", "Grows with every call.");
  registrar.component<Shared>("serves_many_threads", "Threads see each other's keys.");
  registrar.component<Forgets>("leaves_inputs_alone", "Clears the mask that it was given.");
  registrar.component<Leaks>("keeps_rows_apart", "One NaN spreads to all.");
  registrar.component<HidesALittle>("ignores_unseen_keys", "Hides keys by a great number.");
  registrar.component<Overflows>("survives_extreme_logits", "Takes exponentials as they come.");
  registrar.component<DropsByChance>("drops_by_its_seed", "Drops others every time.");
  registrar.component<LosesTheMean>("drops_by_its_seed-mean", "Does not make up for what it dropped.");
}
