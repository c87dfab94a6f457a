// Scores a model on held-out text: loss, perplexity, bits per byte, accuracy, loss by position.
#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "easylm/json.h"
#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/evaluation.h"
#include "easylm/tensor/model_store.h"
#include "easylm/tensor/training_state.h"

namespace easylm {
namespace {

constexpr std::string_view kByPosition = "loss_by_position";

struct Measure {
  std::string_view name;
  double (Evaluation::*value)() const;
};

constexpr std::array<Measure, 4> kMeasures = {{{"loss", &Evaluation::loss},
                                               {"perplexity", &Evaluation::perplexity},
                                               {"bits_per_byte", &Evaluation::bits_per_byte},
                                               {"accuracy", &Evaluation::accuracy}}};

class Evaluate : public Stage {
 public:
  struct Config {
    std::vector<std::string> metrics = {"loss", "perplexity", "bits_per_byte"};
    std::int64_t batches = 0;

    static void describe(Schema<Config>& s) {
      s.field("metrics", &Config::metrics,
              "what to report; loss_by_position: the loss of targets at the positions 0, 1, 2 to 3, 4 to 7 "
              "and so on "
              "of their document")
          .one_of({"loss", "perplexity", "bits_per_byte", "accuracy", "loss_by_position"});
      s.field("batches", &Config::batches, "number of batches to score; 0: every token once").at_least(0);
      s.needs("model");
      s.needs("tokenizer");
      s.needs("dataset.validation");
      s.makes("report");
      s.require("dataset.validation.sequence_length <= model.max_position_embeddings",
                "dataset.validation.sequence_length",
                "sequence_length = {dataset.validation.sequence_length} is longer than the model's "
                "{model.max_position_embeddings} positions",
                "lower sequence_length or raise max_position_embeddings");
    }
  };

  Evaluate(Host& /*host*/, Config config) : config_(std::move(config)) {}

  void run(StageContext& context) override {
    prepare_torch(context.run());
    const at::Device device = select_device(context.run().device);
    const auto tokenizer = obtain_tokenizer(context);
    const auto dataset = std::dynamic_pointer_cast<Dataset>(context.input("dataset.validation").component);
    EASYLM_CHECK(dataset != nullptr, "what came in as 'dataset.validation' is not a dataset");
    dataset->open({.tokenizer = tokenizer, .pass = DatasetPass::once});
    const ReadyModel ready = obtain_model(context, device, compute_dtype(context.run().precision));
    Measured measured;
    measured.sums = evaluate(*ready.model, *dataset,
                             {.device = device,
                              .max_batches = config_.batches,
                              .tokenizer = tokenizer.get(),
                              .stop = &context.host().stop()},
                             measured.by_position);
    choose(measured);
    report(context, ready, measured);
  }

 private:
  struct Measured {
    Evaluation sums;
    NamedNumbers numbers;                   // those that were wanted
    std::vector<PositionLoss> by_position;  // empty if not wanted
  };

  // Leaves what was wanted.
  void choose(Measured& measured) const {
    for (const std::string& name : config_.metrics) {
      if (name == kByPosition) continue;
      const auto found = std::ranges::find(kMeasures, name, &Measure::name);
      EASYLM_CHECK(found != kMeasures.end(), "'" + name + "' is not a metric of the evaluate stage");
      measured.numbers.emplace_back(name, (measured.sums.*found->value)());
    }
    if (std::ranges::find(config_.metrics, kByPosition) == config_.metrics.end())
      measured.by_position.clear();
  }

  static void report(StageContext& context, const ReadyModel& ready, const Measured& measured) {
    NamedNumbers numbers = measured.numbers;
    for (auto& [name, value] : position_metrics(measured.by_position)) numbers.emplace_back(name, value);
    std::vector<std::string> names;
    for (const auto& number : numbers) names.push_back("validation_" + number.first);
    std::vector<Metric> metrics;
    for (std::size_t i = 0; i < numbers.size(); ++i) metrics.push_back({names[i], numbers[i].second});
    const Artifact model = context.input("model");
    const TrainingState trained = state_of(model.path);
    context.metrics({.step = trained.step, .tokens = trained.tokens, .metrics = metrics});
    // With other settings it is not that version that was measured.
    if (!ready.uri.empty() && model.config.settings.empty())
      context.checkpoints().measure(ready.uri, numbers);
    context.print(line_for_people(measured.numbers, measured.sums));
    if (!measured.by_position.empty()) context.print(position_table(measured.by_position));
    context.output(
        "report",
        {.component = nullptr, .path = write_report(context, ready, measured), .uri = {}, .config = {}});
  }

  // How far a version of ours was trained; nothing is known of other models.
  static TrainingState state_of(const std::filesystem::path& version) {
    return !version.empty() && has_training_state(version) ? read_training_state(version) : TrainingState{};
  }

  static std::string line_for_people(const NamedNumbers& numbers, const Evaluation& result) {
    std::ostringstream line;
    line.precision(5);
    line << "validation:";
    for (const auto& [name, value] : numbers) line << ' ' << name << ' ' << value << ',';
    line << " over " << static_cast<std::int64_t>(result.weight) << " targets\n";
    return line.str();
  }

  static List list_of(const std::vector<PositionLoss>& losses) {
    List list;
    list.reserve(losses.size());
    for (const PositionLoss& range : losses) {
      Table row;
      row.set("from", {range.begin, {}});
      row.set("to", {range.end, {}});
      row.set("loss", {range.loss(), {}});
      row.set("weight", {range.weight, {}});
      list.push_back({std::move(row), {}});
    }
    return list;
  }

  // Beside the run's other files; nowhere outside a run.
  static std::filesystem::path write_report(StageContext& context, const ReadyModel& ready,
                                            const Measured& measured) {
    if (context.host().paths().run.empty()) return {};
    Table table;
    if (!ready.uri.empty()) table.set("model", {ready.uri, {}});
    for (const auto& [name, value] : measured.numbers) table.set(name, {value, {}});
    if (!measured.by_position.empty())
      table.set(std::string(kByPosition), {list_of(measured.by_position), {}});
    auto file = context.host().paths().run / (std::string(context.stage_name()) + ".json");
    std::ofstream stream(file, std::ios::binary);
    stream << json_text(table);
    if (!stream.flush()) throw Error(ErrorCode::io, "could not write " + file.string(), "is the disk full?");
    return file;
  }

  Config config_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("easylm-stage-evaluate", "0.1.0") {
  registrar.component<easylm::Evaluate>("evaluate", "Scores a model on dataset.validation.");
}
