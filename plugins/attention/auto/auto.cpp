// The attention kernel 'auto': for every call the installed kernel that says it serves it best.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "easylm/sdk/plugin.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/blockwise_layer.h"
#include "easylm/tensor/paged_attention.h"
#include "easylm/tensor/varlen_attention.h"

namespace easylm {
namespace {

constexpr const char* kName = "auto";

struct Candidate {
  std::string name;
  std::shared_ptr<AttentionKernel> kernel;
};

struct Choice {
  const Candidate* candidate = nullptr;  // null if no kernel can
  Support support;
  std::vector<std::pair<const Candidate*, Support>> others;  // in the order of the catalogue
};

std::string text_of(double score) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%g", score);
  return text.data();
}

// "sdpa 1, reference 0.1; bpt: it has no dropout"
std::string text_of(std::vector<std::pair<const Candidate*, Support>> others) {
  std::stable_sort(others.begin(), others.end(),
                   [](const auto& a, const auto& b) { return a.second.score > b.second.score; });
  std::string text;
  for (const auto& [candidate, support] : others) {
    const bool able = support.score > 0;
    if (!text.empty()) text += able ? ", " : "; ";
    text += candidate->name + (able ? " " + text_of(support.score) : ": " + support.reason);
  }
  return text;
}

// What is asked for, but for lengths: calls of one kind are served by few kernels.
std::string kind_of(const AttentionQuery& query) {
  std::string text =
      std::string(c10::toString(query.dtype)) + " on " + c10::DeviceTypeName(query.device, true);
  const std::pair<bool, const char*> flags[] = {{query.training, "training"}, {query.causal, "causal"},
                                                {query.window, "window"},     {query.segments, "segments"},
                                                {query.keep, "forgetful"},    {query.dropout, "dropout"},
                                                {query.lse, "log-sum-exp"}};
  for (const auto& [is_set, name] : flags) {
    if (is_set) text += std::string(", ") + name;
  }
  return text;
}

AttentionQuery query_of(const VarlenCall& call) {
  AttentionCall one{call.q_TNH.unsqueeze(0), call.k_SKH.unsqueeze(0), call.v_SKH.unsqueeze(0)};
  one.mask.causal = call.causal;
  one.mask.window = call.window;
  one.want_lse = true;
  return query_of(one);
}

AttentionQuery query_of(const PagedCall& call) {
  AttentionCall one{call.q_BTNH, call.k_PSKH, call.v_PSKH};
  one.mask.window = call.window;
  AttentionQuery query = query_of(one);
  query.num_keys = call.block_table_BM.size(1) * call.k_PSKH.size(1);
  query.training = false;
  return query;
}

// What heads there are, only the pieces know: they are asked for one token.
AttentionQuery query_of(const LayerCall& call, const LayerPieces& pieces) {
  const bool training = at::GradMode::is_enabled();
  const at::NoGradGuard no_grad;
  const at::Tensor h_B1D = call.h_BTD.narrow(1, 0, 1);
  const LayerPieces::KeysValues first = pieces.keys_values(h_B1D, {0, 1});
  AttentionCall one{pieces.queries(h_B1D, {0, 1}), first.k_BCKH, first.v_BCKH, call.mask};
  AttentionQuery query = query_of(one);
  query.num_queries = query.num_keys = call.h_BTD.size(1);
  query.training = training;
  return query;
}

class Auto : public AttentionKernel, public BlockwiseLayer, public VarlenAttention, public PagedAttention {
 public:
  static constexpr std::string_view kInterface = AttentionKernel::kInterface;  // not the extensions'
  struct Config {
    static void describe(Schema<Config>&) {}
  };

  Auto(Host& host, const Config&) : host_(host) {
    for (const std::string& name : host.available(kKind)) {
      if (name != kName) add(name);
    }
  }

  // Those that at least one of the kernels has.
  void* extension(std::string_view id) override {
    const auto has = [id](const Candidate& candidate) { return candidate.kernel->extension(id) != nullptr; };
    if (std::none_of(candidates_.begin(), candidates_.end(), has)) return nullptr;
    if (id == BlockwiseLayer::kInterface) return static_cast<BlockwiseLayer*>(this);
    if (id == VarlenAttention::kInterface) return static_cast<VarlenAttention*>(this);
    if (id == PagedAttention::kInterface) return static_cast<PagedAttention*>(this);
    return nullptr;
  }

  Support supports(const AttentionQuery& query) const override {
    const Choice choice = choose(query, {});
    if (choice.candidate != nullptr) say(choice, query, LogLevel::info);
    return choice.candidate != nullptr ? choice.support : Support{0, text_of(choice.others)};
  }

  AttentionResult forward(const AttentionCall& call) override {
    return require(query_of(call), {}).kernel->forward(call);
  }

  at::Tensor run_layer(const LayerCall& call, const LayerPieces& pieces) override {
    return with<BlockwiseLayer>(query_of(call, pieces)).run_layer(call, pieces);
  }

  VarlenResult forward_varlen(const VarlenCall& call) override {
    check_varlen(call);
    return with<VarlenAttention>(query_of(call)).forward_varlen(call);
  }

  at::Tensor forward_paged(const PagedCall& call) override {
    return with<PagedAttention>(query_of(call)).forward_paged(call);
  }

 private:
  void add(const std::string& name) {
    Table table;
    table.type = name;
    try {
      candidates_.push_back({name, host_.make<AttentionKernel>(table)});
    } catch (const Error& error) {
      host_.warn("attention", "a kernel is left out", {{"name", name}, {"because", error.what()}});
    }
  }

  // Among those that have `extension`, if one is named.
  Choice choose(const AttentionQuery& query, std::string_view extension) const {
    Choice best;
    for (const Candidate& candidate : candidates_) {
      const bool has = extension.empty() || candidate.kernel->extension(extension) != nullptr;
      Support support =
          has ? candidate.kernel->supports(query) : Support{0, "it has no " + std::string(extension)};
      const Candidate* worse = &candidate;
      if (support.score > best.support.score) {
        std::swap(best.candidate, worse);
        std::swap(best.support, support);
      }
      if (worse != nullptr) best.others.emplace_back(worse, std::move(support));
    }
    return best;
  }

  const Candidate& require(const AttentionQuery& query, std::string_view extension) const {
    const Choice choice = choose(query, extension);
    if (choice.candidate == nullptr) {
      throw Error(ErrorCode::unsupported, "no attention kernel serves this call: " + text_of(choice.others),
                  "change the model, or install a kernel that does");
    }
    say(choice, query, LogLevel::debug);
    return *choice.candidate;
  }

  template <typename Extension>
  Extension& with(const AttentionQuery& query) const {
    return *extension_of<Extension>(*require(query, Extension::kInterface).kernel);
  }

  // Says it once for each kernel and kind of call; not in the midst of what a run prints.
  void say(const Choice& choice, const AttentionQuery& query, LogLevel level) const {
    const std::string kind = kind_of(query);
    const std::lock_guard lock(mutex_);
    if (!said_.emplace(choice.candidate, kind).second) return;
    const std::string others = text_of(choice.others);
    const LogPair pairs[] = {{"kernel", choice.candidate->name},
                             {"score", choice.support.score},
                             {"for", kind},
                             {"others", others}};
    host_.log(level, "attention", "chosen", pairs);
  }

  Host& host_;
  std::vector<Candidate> candidates_;
  mutable std::mutex mutex_;
  mutable std::set<std::pair<const Candidate*, std::string>> said_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("easylm-attention-auto", "0.1.0") {
  registrar.component<easylm::Auto>("auto", "For every call the installed kernel that serves it best.");
}
