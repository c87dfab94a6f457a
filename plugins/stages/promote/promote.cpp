// A gate: moves an alias to the version at hand if a condition on what was measured holds.
#include <string>
#include <utility>

#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"

namespace easylm {
namespace {

class Promote : public Stage {
 public:
  struct Config {
    std::string alias;
    std::string condition;

    static void describe(Schema<Config>& s) {
      s.field("alias", &Config::alias, "which alias of the version's name moves, for example prod")
          .required();
      s.field("condition", &Config::condition,
              "what must hold of the version, as in `registry query`: metrics.loss < 2.1; empty: nothing");
      s.needs("checkpoint");
    }
  };

  Promote(Host& /*host*/, Config config) : config_(std::move(config)) {}

  void run(StageContext& context) override {
    const std::string uri = context.input("checkpoint").uri;
    Checkpoints& checkpoints = context.checkpoints();
    if (!config_.condition.empty() && !checkpoints.meets(uri, config_.condition)) {
      context.print(uri + " is not promoted: it does not meet " + config_.condition + "\n");
      return;
    }
    checkpoints.set_alias(uri, config_.alias);
    context.print(uri + " is now @" + config_.alias + "\n");
  }

 private:
  Config config_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("easylm-stage-promote", "0.1.0") {
  registrar.component<easylm::Promote>("promote", "Moves an alias to a version that meets a condition.");
}
