// Models that each break one rule. A component is called like the test that must find it.
#include <ATen/core/grad_mode.h>

#include <algorithm>
#include <atomic>
#include <limits>
#include <thread>

#include "easylm/sdk/plugin.h"
#include "good_model.h"

namespace easylm {
namespace {

struct TwoOfAName : GoodModel {
  using GoodModel::GoodModel;
  void parameters(std::vector<Parameter>& out) override {
    GoodModel::parameters(out);
    out.back().name = "embedding";
  }
};

struct TurnsAround : GoodModel {
  using GoodModel::GoodModel;
  void parameters(std::vector<Parameter>& out) override {
    GoodModel::parameters(out);
    if (++calls_ % 2 == 0) std::reverse(out.begin(), out.end());
  }
  int calls_ = 0;
};

struct Miscounts : GoodModel {
  Miscounts(Host& host, const Config& config) : GoodModel(host, config) { facts_.num_parameters -= 8; }
};

struct PadsVocabulary : GoodModel {
  PadsVocabulary(Host& host, const Config& config) : GoodModel(host, config) {
    facts_.num_parameters += 3 * facts_.hidden_size;
  }
  void materialise(at::Device device, at::ScalarType dtype) override {
    GoodModel::materialise(device, dtype);
    head_ = aten::empty({facts_.vocabulary_size + 3, facts_.hidden_size}, head_.options());
  }
};

struct NoLayers : GoodModel {
  NoLayers(Host& host, const Config& config) : GoodModel(host, config) { facts_.num_layers = 0; }
};

struct FewPositions : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor embed(const at::Tensor& ids_BT, ForwardContext& context) override {
    if (ids_BT.size(1) > 20) throw Error(ErrorCode::invalid_config, "it has 20 positions");
    return GoodModel::embed(ids_BT, context);
  }
};

struct SaysTied : GoodModel {
  SaysTied(Host& host, const Config& config) : GoodModel(host, config) { facts_.tied_head = true; }
};

struct SaysUntied : GoodModel {
  SaysUntied(Host& host, const Config& config) : GoodModel(host, config) {
    facts_.num_parameters -= facts_.vocabulary_size * facts_.hidden_size;
  }
  void materialise(at::Device device, at::ScalarType dtype) override {
    GoodModel::materialise(device, dtype);
    head_ = embedding_;
  }
  void parameters(std::vector<Parameter>& out) override {
    GoodModel::parameters(out);
    out.pop_back();
  }
};

struct WideNorms : GoodModel {
  using GoodModel::GoodModel;
  void materialise(at::Device device, at::ScalarType dtype) override {
    GoodModel::materialise(device, dtype);
    norm_ = norm_.to(at::kFloat);
  }
};

struct AlwaysMade : GoodModel {
  using GoodModel::GoodModel;
  bool materialised() const override { return true; }
};

struct DrawsByChance : GoodModel {
  using GoodModel::GoodModel;
  void draw(Host& /*host*/, const Parameter& parameter) override { parameter.value.normal_(0, 0.1); }
};

struct DrawsOnce : GoodModel {
  using GoodModel::GoodModel;
  void draw(Host& host, const Parameter& parameter) override {
    GoodModel::draw(host, {"all", parameter.value, {}, true});
  }
};

struct ForgetsToDraw : GoodModel {
  using GoodModel::GoodModel;
  void draw(Host& host, const Parameter& parameter) override {
    GoodModel::draw(host, parameter);
    if (parameter.name == "head") parameter.value[3].fill_(std::numeric_limits<double>::quiet_NaN());
  }
};

struct KeepsCopies : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor multiply(const LinearWeights& weights, const at::Tensor& x, ForwardContext& context) override {
    const at::NoGradGuard no_grad;
    at::Tensor& copy = weights.name == "layer1.o" ? copy_ : other_;
    if (!copy.defined() || weights.name != "layer1.o") copy = weights.weight_OI.clone();
    return GoodModel::multiply({weights.name, copy, {}, weights.split}, x, context);
  }
  at::Tensor copy_, other_;
};

struct WorksLess : GoodModel {
  using GoodModel::GoodModel;
  double flops_per_token(std::int64_t length) const override { return 1e6 - static_cast<double>(length); }
};

struct WritesAnother : GoodModel {
  using GoodModel::GoodModel;
  Table hf_config() const override {
    Table table = GoodModel::hf_config();
    table.set("theta", {config_.theta * 10, {}});
    return table;
  }
};

struct WidensOutput : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor final_norm(const at::Tensor& h_BTD, ForwardContext& context) override {
    return GoodModel::final_norm(h_BTD, context).to(at::kFloat);
  }
};

struct MixesRows : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor embed(const at::Tensor& ids_BT, ForwardContext& context) override {
    const at::Tensor h_BTD = GoodModel::embed(ids_BT, context);
    return h_BTD - h_BTD.mean(0, true) * 0.01;
  }
};

struct LooksAhead : GoodModel {
  using GoodModel::GoodModel;
  AttentionMask mask_of(const ForwardContext& context, std::int64_t past) const override {
    AttentionMask mask = GoodModel::mask_of(context, past);
    ++mask.query_offset;
    return mask;
  }
};

struct IgnoresDocuments : GoodModel {
  using GoodModel::GoodModel;
  AttentionMask mask_of(const ForwardContext& /*context*/, std::int64_t past) const override {
    AttentionMask mask;
    mask.query_offset = past;
    return mask;
  }
};

struct FirstRowsPositions : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor positions_of(const ForwardContext& context, std::int64_t past,
                          std::int64_t length) const override {
    const at::Tensor positions = GoodModel::positions_of(context, past, length);
    return positions.dim() == 2 ? positions[0] : positions;
  }
};

struct CachesLate : GoodModel {
  using GoodModel::GoodModel;
  AttentionMask mask_of(const ForwardContext& context, std::int64_t past) const override {
    AttentionMask mask = GoodModel::mask_of(context, past);
    if (past > 0) --mask.query_offset;
    return mask;
  }
};

struct RestartsPositions : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor positions_of(const ForwardContext& context, std::int64_t /*past*/,
                          std::int64_t length) const override {
    return GoodModel::positions_of(context, 0, length);
  }
};

// Right for one thread: the length is handed over in a member.
struct Shared : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor run(std::int64_t index, const at::Tensor& h_BTD, KvView* cache,
                 ForwardContext& context) override {
    length_ = h_BTD.size(1);
    at::Tensor out = GoodModel::run(index, h_BTD, cache, context);
    std::this_thread::yield();
    return out * (static_cast<double>(length_) / static_cast<double>(h_BTD.size(1)));
  }
  std::atomic<std::int64_t> length_{0};
};

struct MultipliesAlone : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor multiply(const LinearWeights& weights, const at::Tensor& x, ForwardContext&) override {
    return aten::linear(x, weights.weight_OI);
  }
};

struct NamesAnother : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor multiply(const LinearWeights& weights, const at::Tensor& x, ForwardContext& context) override {
    return context.linear({weights.name + ".weight", weights.weight_OI, {}, weights.split}, x);
  }
};

struct HalfGradient : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor attend(std::int64_t index, const at::Tensor& x_BTD, KvView* cache,
                    ForwardContext& context) override {
    const at::Tensor half = x_BTD * 0.5;
    return GoodModel::attend(index, half + half.detach(), cache, context);
  }
};

struct Untrained : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor final_norm(const at::Tensor& h_BTD, ForwardContext& /*context*/) override {
    return rms_norm(h_BTD, norm_.detach(), 1e-6);
  }
};

struct DropsByChance : GoodModel {
  using GoodModel::GoodModel;
  at::Tensor run(std::int64_t index, const at::Tensor& h_BTD, KvView* cache,
                 ForwardContext& context) override {
    const at::Tensor out = GoodModel::run(index, h_BTD, cache, context);
    return context.phase() == Phase::train ? dropout(out, 0.1, context.random(std::to_string(++calls_)))
                                           : out;
  }
  int calls_ = 0;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-model", "1.0.0") {
  using namespace easylm;  // NOLINT(google-build-using-namespace): names of this file alone
  registrar.component<TwoOfAName>("names_its_parameters", "Calls two of them embedding.");
  registrar.component<TurnsAround>("names_its_parameters-order", "Lists them from the other end at times.");
  registrar.component<Miscounts>("counts_its_parameters", "Leaves its norm out of the count.");
  registrar.component<PadsVocabulary>("tells_the_facts", "Has a head of three tokens more.");
  registrar.component<NoLayers>("tells_the_facts-layers", "Says nothing of its layers.");
  registrar.component<FewPositions>("tells_the_facts-positions", "Has fewer positions than it says.");
  registrar.component<SaysTied>("ties_its_head_as_it_says", "Says that its head is tied.");
  registrar.component<SaysUntied>("ties_its_head_as_it_says-untied", "Does not say that its head is tied.");
  registrar.component<WideNorms>("materialises_as_asked", "Keeps its norm in fp32.");
  registrar.component<AlwaysMade>("materialises_as_asked-always", "Is always materialised.");
  registrar.component<DrawsByChance>("initialises_by_the_seed", "Draws weights of its own.");
  registrar.component<DrawsOnce>("initialises_by_the_seed-stream", "Draws all from one stream.");
  registrar.component<ForgetsToDraw>("initialises_by_the_seed-nan", "Leaves a row as it was.");
  registrar.component<KeepsCopies>("follows_its_parameters", "Computes with a copy.");
  registrar.component<WorksLess>("counts_its_work", "Works less on longer sequences.");
  registrar.component<WritesAnother>("rebuilds_from_its_config", "Writes another theta.");
  registrar.component<WidensOutput>("computes_in_its_dtype", "Gives fp32, always.");
  registrar.component<MixesRows>("keeps_rows_apart", "Takes off what rows have in common.");
  registrar.component<LooksAhead>("is_causal", "Sees the next token.");
  registrar.component<IgnoresDocuments>("keeps_documents_apart", "Looks into other documents.");
  registrar.component<FirstRowsPositions>("follows_positions", "Gives all rows the first's positions.");
  registrar.component<CachesLate>("decodes_with_a_cache", "Does not see the token itself.");
  registrar.component<RestartsPositions>("decodes_with_a_cache-positions", "Counts from 0 in each chunk.");
  registrar.component<Shared>("serves_many_threads", "Threads see each other's length.");
  registrar.component<MultipliesAlone>("names_its_products", "Multiplies without the context.");
  registrar.component<NamesAnother>("names_its_products-other", "Names weights that it has not.");
  registrar.component<HalfGradient>("has_true_gradients", "Loses half of a gradient.");
  registrar.component<Untrained>("trains_every_parameter", "Does not train its norm.");
  registrar.component<DropsByChance>("recomputes_exactly", "Drops others the second time.");
}
