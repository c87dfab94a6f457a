// Counts the tokens of a dataset. Replace run() by your own, and needs() and makes() by what it takes and
// gives.
#include "easylm/dataset.h"
#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"
using namespace easylm;

struct @Name@ : Stage {
  struct Config {
    std::int64_t most_batches = 0;
    static void describe(Schema<Config>& s) {
      s.field("most_batches", &Config::most_batches, "stop after so many; 0: all").at_least(0);
      s.needs("tokenizer");
      s.needs("dataset.train");
    }
  };
  @Name@(Host&, const Config& config) : most_batches_(config.most_batches) {}

  void run(StageContext& context) override {
    const auto tokenizer = std::dynamic_pointer_cast<Tokenizer>(context.input("tokenizer").component);
    const auto dataset = std::dynamic_pointer_cast<Dataset>(context.input("dataset.train").component);
    dataset->open({.tokenizer = tokenizer, .pass = DatasetPass::once});
    std::int64_t tokens = 0;
    TokenBatch batch;
    for (std::int64_t n = 0; (n < most_batches_ || most_batches_ == 0) && dataset->next(batch); ++n) {
      if (context.host().stop().requested()) throw Error(ErrorCode::interrupted, "stopped");
      for (const float weight : batch.mask) tokens += weight > 0 ? 1 : 0;
    }
    context.print(std::to_string(tokens) + " tokens\n");
  }
  std::int64_t most_batches_;
};

EASYLM_PLUGIN("@name@", "0.1.0") { registrar.component<@Name@>("@name@", "Counts the tokens of a dataset."); }
