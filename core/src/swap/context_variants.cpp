// Reads variants, and lengthens pipelines.
#include "swap/context_variants.h"

#include <algorithm>
#include <utility>

#include "config/show.h"
#include "easylm/error.h"

namespace easylm {
namespace {

constexpr std::string_view kSpace = " \t";

std::string trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
}

std::vector<std::string> split_settings(std::string_view text) {
  std::vector<std::string> settings;
  std::string current;
  int depth = 0;
  char quote = 0;
  for (const char c : text) {
    if (quote != 0) {
      if (c == quote) quote = 0;
    } else if (c == '"' || c == '\'') {
      quote = c;
    } else if (c == '[' || c == '{') {
      ++depth;
    } else if (c == ']' || c == '}') {
      --depth;
    } else if (c == ',' && depth == 0) {
      settings.push_back(trimmed(current));
      current.clear();
      continue;
    }
    current += c;
  }
  settings.push_back(trimmed(current));
  return settings;
}

// Where a checked pipeline's table holds a table.
Table& table_in(Table& table, const std::string& key) {
  const auto found = std::ranges::find(table.settings, key, &Setting::key);
  EASYLM_CHECK(found != table.settings.end(), "a checked pipeline has " + key);
  Table* inner = std::get_if<Table>(&found->value.data);
  EASYLM_CHECK(inner != nullptr, key + " is a table");
  return *inner;
}

Value whole(std::int64_t number) { return {number, {}}; }

// A schedule plans for the length of its run, and a warmup may be longer than a trial. How far a step goes
// changes neither its memory nor its time.
Value schedule_of_any_length() {
  return {Table{{}, {{"type", {std::string("constant"), {}}}, {"value", {0.0, {}}}}}, {}};
}

std::string text_of(const Table& table, std::string_view key) {
  const Value* value = table.find(key);
  const auto* text = value == nullptr ? nullptr : value->as<std::string>();
  return text == nullptr ? std::string() : *text;
}

std::string model_type(const Table& root) {
  const Value* value = root.find("model");
  if (value == nullptr) return {};
  if (const auto* name = value->as<std::string>()) return *name;
  const Table* table = value->as<Table>();
  return table == nullptr ? std::string() : text_of(*table, "type");
}

}  // namespace

ContextVariant parse_context_variant(std::string_view text) {
  const std::size_t colon = text.find(':');
  ContextVariant variant{trimmed(text.substr(0, colon)), {}};
  const bool is_name = !variant.name.empty() && variant.name.find_first_of("/=\"'") == std::string::npos &&
                       variant.name != "." && variant.name != "..";
  if (colon != std::string_view::npos) variant.sets = split_settings(text.substr(colon + 1));
  const bool are_sets = !variant.sets.empty() && std::ranges::all_of(variant.sets, [](const auto& set) {
    return set.find('=') != std::string::npos && !set.starts_with('=');
  });
  if (is_name && are_sets) return variant;
  throw Error(ErrorCode::invalid_config,
              "'" + std::string(text) + "' is no variant: NAME: KEY=VALUE, KEY=VALUE",
              "for example --variant \"sdpa: model.attention=sdpa, stage.train.recompute=blocks\"");
}

std::vector<ContextVariant> usual_context_variants(const Table& root, std::size_t stage,
                                                   const Descriptions& descriptions) {
  std::vector<ContextVariant> variants = {
      {"reference", {"model.attention=reference"}},
      {"sdpa-recompute", {"model.attention=sdpa", "stage." + std::to_string(stage) + ".recompute=blocks"}},
      {"bpt", {"model.attention=bpt"}}};
  const ComponentDescription* model = descriptions.find("model", model_type(root));
  if (model != nullptr && std::ranges::count(model->fields, "blockwise", &Field::key) > 0) {
    variants.back() = {"bpt-blockwise", {"model.attention=bpt", "model.blockwise=true"}};
  }
  return variants;
}

std::string context_problem(const PipelineConfig& config) {
  const Table* data = config.dataset("train");
  if (data == nullptr) return "it has no [dataset.train]";
  for (const char* key : {"sequence_length", "batch_size"}) {
    if (data->find(key) == nullptr) return "dataset.train has no key '" + std::string(key) + "'";
  }
  if (!config.checkpoint) return "it has no [checkpoint] table, which a training run needs to end";
  return {};
}

std::string context_pipeline(const PipelineConfig& config, std::size_t stage, std::int64_t length,
                             std::int64_t steps) {
  Table root = config.resolved;
  table_in(root, "run").set("name", {std::string("trial"), {}});
  Table& data = table_in(table_in(root, "dataset"), "train");
  data.set("sequence_length", whole(length));
  data.set("batch_size", whole(1));
  Table& model = table_in(root, "model");
  if (const Value* positions = model.find("max_position_embeddings")) {
    const auto* most = positions->as<std::int64_t>();
    if (most != nullptr && *most < length) model.set("max_position_embeddings", whole(length));
  }
  if (config.optimizer) {  // a stage of somebody else's may train without
    Table& optimizer = table_in(root, "optimizer");
    if (optimizer.find("schedule") != nullptr) optimizer.set("schedule", schedule_of_any_length());
  }
  const Value* stages = root.find("stage");
  EASYLM_CHECK(stages != nullptr && stages->as<List>() != nullptr, "a checked pipeline has stages");
  Value only = stages->as<List>()->at(stage);
  Table& train = std::get<Table>(only.data);
  const std::pair<const char*, std::int64_t> settings[] = {{"steps", steps},
                                                           {"log_every_steps", 1},
                                                           {"validate_every_steps", 0},
                                                           {"accumulate_gradient_steps", 1}};
  for (const auto& [key, value] : settings) {
    if (train.find(key) != nullptr) train.set(key, whole(value));
  }
  root.set("stage", {List{std::move(only)}, {}});
  return show_toml(root);
}

}  // namespace easylm
