// Whether two models are the same to whoever uses them: ids, logits, greedy text.
#include <fstream>
#include <memory>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "comparison.h"
#include "easylm/checkpoint_format.h"
#include "easylm/json.h"
#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/model_store.h"
#include "observation.h"

namespace easylm::stages {
namespace {

class VerifyExport : public Stage {
 public:
  struct Config {
    Table tokenizer_a, tokenizer_b;
    std::optional<Path> text;
    std::vector<std::string> prompts = sample_prompts();
    double tolerance = 1e-3;
    std::int64_t logit_tokens = 1024;
    std::int64_t new_tokens = 20;
    std::string output = "text";

    static void describe(Schema<Config>& s) {
      s.component("tokenizer_a", "tokenizer", &Config::tokenizer_a, "of `model`").required();
      s.component("tokenizer_b", "tokenizer", &Config::tokenizer_b, "of `export`").required();
      s.field("text", &Config::text, "a file of text to compare on; absent: a short sample of many languages")
          .must_exist();
      s.field("prompts", &Config::prompts, "texts that both continue greedily");
      s.field("tolerance", &Config::tolerance, "how far apart two logits may be").at_least(0);
      s.field("logit_tokens", &Config::logit_tokens, "logits are compared over so many tokens of the text")
          .at_least(1)
          .unit("tokens");
      s.field("new_tokens", &Config::new_tokens, "length of a continuation").at_least(1).unit("tokens");
      s.field("output", &Config::output, "text: a line each; json: one object").one_of({"text", "json"});
      s.needs("model");
      s.needs("export");
    }
  };

  VerifyExport(Host& host, Config config) : host_(host), config_(std::move(config)) {}

  void run(StageContext& context) override {
    prepare_torch(context.run());
    const Sample sample{texts(), config_.prompts, config_.logit_tokens, config_.new_tokens};
    Artifact first = context.input("model"), second = context.input("export");
    share_config(first, second);
    share_config(second, first);
    const Observation a = look_at(context, first, config_.tokenizer_a, sample);
    const Observation b = look_at(context, second, config_.tokenizer_b, sample);
    const std::vector<Verdict> verdicts = compare(a, b, config_.tolerance);
    context.print(config_.output == "json" ? as_json(verdicts) : as_text(verdicts));
    std::string different;
    for (const Verdict& verdict : verdicts) {
      if (!verdict.same) different += (different.empty() ? "" : ", ") + verdict.what;
    }
    if (different.empty()) return;
    throw Error(ErrorCode::numeric, "the two are not the same: " + different,
                "easylm diff says which tensors and files differ; --tolerance says how far logits may");
  }

 private:
  std::vector<std::string> texts() const {
    if (!config_.text) return sample_texts();
    std::ostringstream bytes;
    bytes << std::ifstream(config_.text->text, std::ios::binary).rdbuf();
    std::vector<std::string> pieces = pieces_of(bytes.str());
    if (!pieces.empty()) return pieces;
    throw Error(ErrorCode::invalid_config, config_.text->text + " holds no text", "name another file");
  }

  std::optional<Table> config_of(const Artifact& artifact) const {
    if (artifact.path.empty()) return std::nullopt;
    return find_format(host_, artifact.path).format->open(artifact.path)->model_config();
  }

  // Some files hold no configuration: then the other side's is the one to be verified with.
  void share_config(Artifact& artifact, const Artifact& other) const {
    if (artifact.component || !artifact.config.type.empty() || config_of(artifact)) return;
    std::optional<Table> config = config_of(other);
    if (!config) return;
    host_.info("verify_export", "takes the other side's configuration",
               {{"for", std::string_view(artifact.path.native())}});
    artifact.config = *std::move(config);
  }

  // One model at a time is in memory.
  Observation look_at(StageContext& context, const Artifact& artifact, const Table& tokenizer_table,
                      const Sample& sample) const {
    const auto tokenizer = host_.make<Tokenizer>(tokenizer_table);
    const at::Device device = select_device(context.run().device);
    const ReadyModel ready = obtain_model(context, artifact, device, compute_dtype(context.run().precision));
    return observe(host_, *ready.model, *tokenizer, device, sample);
  }

  static std::string as_text(const std::vector<Verdict>& verdicts) {
    std::string text;
    for (const Verdict& verdict : verdicts) {
      text += verdict.what + std::string(8 - verdict.what.size(), ' ') +
              (verdict.same ? "same       " : "different  ") + verdict.words + "\n";
    }
    return text;
  }

  static std::string as_json(const std::vector<Verdict>& verdicts) {
    Table root;
    for (const Verdict& verdict : verdicts) {
      Table row = verdict.figures;
      row.set("same", {verdict.same, {}});
      row.set("words", {verdict.words, {}});
      root.set(verdict.what, {std::move(row), {}});
    }
    return json_text(root);
  }

  Host& host_;
  Config config_;
};

}  // namespace
}  // namespace easylm::stages

EASYLM_PLUGIN("easylm-stage-verify-export", "0.1.0") {
  registrar.component<easylm::stages::VerifyExport>(
      "verify_export", "Compares two models by ids, logits and greedy text; fails if they differ.");
}
