// The attention kernel 'auto': for every call the installed kernel that says it serves it best.
#include <algorithm>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "easylm/sdk/plugin.h"
#include "easylm/tensor/attention.h"

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
};

class Auto : public AttentionKernel {
 public:
  struct Config {
    static void describe(Schema<Config>&) {}
  };

  Auto(Host& host, const Config&) : host_(host) {
    for (const std::string& name : host.available(kKind)) {
      if (name != kName) add(name);
    }
  }

  Support supports(const AttentionQuery& query) const override {
    const Choice choice = choose(query);
    if (choice.candidate != nullptr) say(choice, LogLevel::info);
    return choice.support;
  }

  AttentionResult forward(const AttentionCall& call) override {
    const Choice choice = choose(query_of(call));
    if (choice.candidate == nullptr) {
      throw Error(ErrorCode::unsupported, "no attention kernel serves this call: " + choice.support.reason,
                  "change the model, or install a kernel that does");
    }
    say(choice, LogLevel::debug);
    return choice.candidate->kernel->forward(call);
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

  Choice choose(const AttentionQuery& query) const {
    Choice best;
    for (const Candidate& candidate : candidates_) {
      Support support = candidate.kernel->supports(query);
      if (support.score > best.support.score) {
        best = {&candidate, std::move(support)};
      } else if (best.candidate == nullptr && support.score <= 0) {
        best.support.reason +=
            (best.support.reason.empty() ? "" : "; ") + candidate.name + ": " + support.reason;
      }
    }
    return best;
  }

  // Says it once for each kernel; not in the midst of what a run prints.
  void say(const Choice& choice, LogLevel level) const {
    const std::lock_guard lock(mutex_);
    if (std::find(said_.begin(), said_.end(), choice.candidate) != said_.end()) return;
    said_.push_back(choice.candidate);
    const LogPair pairs[] = {{"kernel", choice.candidate->name}, {"score", choice.support.score}};
    host_.log(level, "attention", "chosen", pairs);
  }

  Host& host_;
  std::vector<Candidate> candidates_;
  mutable std::mutex mutex_;
  mutable std::vector<const Candidate*> said_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("easylm-attention-auto", "0.1.0") {
  registrar.component<easylm::Auto>("auto", "For every call the installed kernel that serves it best.");
}
