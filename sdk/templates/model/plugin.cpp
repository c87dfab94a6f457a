// A bigram model: what comes next depends on the last token alone. Replace block() by what looks back.
#include "easylm/sdk/plugin.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/declared_model.h"
using namespace easylm;

struct @Name@ : DeclaredModel {
  struct Config {
    std::int64_t vocab_size = 0, hidden_size = 64;
    static void describe(Schema<Config>& s) {
      s.field("vocab_size", &Config::vocab_size, "number of token ids; 0: the tokenizer's").at_least(0);
      s.field("hidden_size", &Config::hidden_size, "numbers that stand for a token").at_least(1).at_most(1e5);
    }
  };
  @Name@(Host&, const Config& config) {
    const std::int64_t v = config.vocab_size, d = config.hidden_size;
    facts_ = {.hidden_size = d, .num_layers = 1, .vocabulary_size = v};
    declare("embedding.weight", {v, d}, embedding_VD_);
    declare("mix.weight", {d, d}, mix_DD_);
    declare("head.weight", {v, d}, head_VD_);
  }
  at::Tensor embed(const at::Tensor& ids_BT, ForwardContext&) override {
    return aten::embedding(embedding_VD_, ids_BT);
  }
  at::Tensor block(std::int64_t, const at::Tensor& h_BTD, ForwardContext& context) override {
    return h_BTD + aten::silu(context.linear({"mix.weight", mix_DD_, {}}, h_BTD));
  }
  at::Tensor final_norm(const at::Tensor& h_BTD, ForwardContext&) override { return h_BTD; }
  at::Tensor head_weight() const override { return head_VD_; }
  Table hf_config() const override {
    return {"@name@", {{"vocab_size", {head_VD_.size(0), {}}}, {"hidden_size", {head_VD_.size(1), {}}}}};
  }
  at::Tensor embedding_VD_, mix_DD_, head_VD_;
};

EASYLM_PLUGIN("@name@", "0.1.0") { registrar.component<@Name@>("@name@", "A bigram model."); }
