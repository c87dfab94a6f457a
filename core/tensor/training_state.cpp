// The training state beside a model's weights.
#include "easylm/tensor/training_state.h"

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>

#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/tensor/model_store.h"

namespace easylm {
namespace {

constexpr const char* kFolder = "easylm";
constexpr const char* kStateFile = "state.json";
constexpr std::string_view kOptimizerStem = "optimizer";

class CollectTensors : public StateVisitor {
 public:
  std::vector<NamedTensor> tensors;
  void tensor(std::string_view parameter, std::string_view role, at::Tensor& value) override {
    tensors.push_back({std::string(parameter) + "." + std::string(role), value});
  }
};

// Every tensor that optimizer.safetensors holds; assigning through them restores the state.
std::vector<NamedTensor> state_tensors(const TrainStep& step, Optimizer& optimizer) {
  CollectTensors collected;
  optimizer.state(collected);
  for (NamedTensor& master : step.masters()) {
    collected.tensors.push_back({master.name + ".master", std::move(master.value)});
  }
  return std::move(collected.tensors);
}

Table to_table(const NamedNumbers& numbers) {
  Table table;
  for (const auto& [name, number] : numbers) table.set(name, {number, {}});
  return table;
}

NamedNumbers numbers_of(const Table& table) {
  NamedNumbers numbers;
  for (const Setting& setting : table.settings) {
    if (const auto* real = setting.value.as<double>()) numbers.emplace_back(setting.key, *real);
    if (const auto* whole = setting.value.as<std::int64_t>()) {
      numbers.emplace_back(setting.key, static_cast<double>(*whole));
    }
  }
  return numbers;
}

Table to_table(const TrainingState& state) {
  Table position;
  position.set("epoch", {state.position.epoch, {}});
  position.set("batch", {state.position.batch, {}});
  position.set("where", {state.position.where, {}});
  position.set("state", {state.position.state, {}});
  Table table;
  table.set("format_revision", {TrainingState::kFormatRevision, {}});
  table.set("step", {state.step, {}});
  table.set("tokens", {state.tokens, {}});
  table.set("updates", {state.counters.updates, {}});
  table.set("forward_passes", {state.counters.forward_passes, {}});
  table.set("validated_step", {state.validated_step, {}});
  table.set("skipped_steps", {state.skipped_steps, {}});
  table.set("skipped_steps_in_row", {state.skipped_steps_in_row, {}});
  table.set("seed", {std::to_string(state.seed), {}});  // as text: JSON's readers keep 53 bits of a number
  table.set("precision", {state.precision, {}});
  table.set("dataset_fingerprint", {state.dataset_fingerprint, {}});
  table.set("dataset_position", {std::move(position), {}});
  table.set("settings", {to_table(state.settings), {}});
  table.set("measured", {to_table(state.measured), {}});
  return table;
}

// Reads typed members of one JSON object, or says which one is wrong.
class Members {
 public:
  Members(const Table& table, std::string where) : table_(table), where_(std::move(where)) {}

  template <typename T>
  const T& get(std::string_view key) const {
    const Value* value = table_.find(key);
    const T* typed = value == nullptr ? nullptr : value->as<T>();
    if (typed == nullptr) {
      throw Error(ErrorCode::corrupt, where_ + ": '" + std::string(key) + "' is missing or of another type",
                  "use another version; `easylm registry verify` checks one");
    }
    return *typed;
  }

 private:
  const Table& table_;
  std::string where_;
};

std::uint64_t parse_seed(const std::string& text, const std::string& where) {
  std::istringstream stream(text);
  std::uint64_t seed = 0;
  if (!(stream >> seed) || !stream.eof()) throw Error(ErrorCode::corrupt, where + ": 'seed' is not a number");
  return seed;
}

TrainingState from_table(const Table& table, const std::string& where) {
  const Members members(table, where);
  const auto revision = members.get<std::int64_t>("format_revision");
  if (revision != TrainingState::kFormatRevision) {
    throw Error(ErrorCode::unsupported,
                where + " has format revision " + std::to_string(revision) + ", this EasyLM reads " +
                    std::to_string(TrainingState::kFormatRevision),
                "use the EasyLM that wrote it, or a newer one");
  }
  TrainingState state;
  state.step = members.get<std::int64_t>("step");
  state.tokens = members.get<std::int64_t>("tokens");
  state.counters.updates = members.get<std::int64_t>("updates");
  state.counters.forward_passes = members.get<std::int64_t>("forward_passes");
  state.validated_step = members.get<std::int64_t>("validated_step");
  state.skipped_steps = members.get<std::int64_t>("skipped_steps");
  state.skipped_steps_in_row = members.get<std::int64_t>("skipped_steps_in_row");
  state.seed = parse_seed(members.get<std::string>("seed"), where);
  state.precision = members.get<std::string>("precision");
  state.dataset_fingerprint = members.get<std::string>("dataset_fingerprint");
  const Members position(members.get<Table>("dataset_position"), where + ", dataset_position");
  state.position = {position.get<std::int64_t>("epoch"), position.get<std::int64_t>("batch"),
                    position.get<std::string>("where"), position.get<std::string>("state")};
  state.settings = numbers_of(members.get<Table>("settings"));
  state.measured = numbers_of(members.get<Table>("measured"));
  return state;
}

// What `format` wrote under the stem "optimizer". Shards have other names: then it is what they are shards
// of.
std::filesystem::path optimizer_files(const CheckpointFormat& format, const std::filesystem::path& folder) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const bool is_of_it = entry.path().filename().string().starts_with(std::string(kOptimizerStem) + ".");
    if (is_of_it && format.probe(entry.path()) > 0) return entry.path();
  }
  return folder / "optimizer.safetensors";
}

}  // namespace

TensorFiles training_files(const TrainingState& state, const TrainStep& step, Optimizer& optimizer) {
  WritePlan plan;
  plan.stem = kOptimizerStem;
  plan.files.push_back({kStateFile, json_text(to_table(state))});
  TensorFiles files = tensor_files(std::move(plan), state_tensors(step, optimizer));
  files.folder = kFolder;
  return files;
}

bool has_training_state(const std::filesystem::path& folder) {
  return std::filesystem::is_regular_file(folder / kFolder / kStateFile);
}

TrainingState read_training_state(const std::filesystem::path& folder) {
  const std::filesystem::path file = folder / kFolder / kStateFile;
  std::ifstream stream(file, std::ios::binary);
  if (!stream) {
    throw Error(ErrorCode::not_found, "there is no training state at " + file.string(),
                "only versions that EasyLM saved while training hold one");
  }
  std::ostringstream text;
  text << stream.rdbuf();
  return from_table(parse_json_object(text.str(), file.string()), file.string());
}

void load_training_tensors(const CheckpointFormat& format, const std::filesystem::path& folder,
                           const TrainingState& state, TrainStep& step, Optimizer& optimizer) {
  read_tensors(format, optimizer_files(format, folder / kFolder), state_tensors(step, optimizer));
  step.restore(state.counters);
  if (!step.masters().empty()) step.copy_masters_to_model();
}

}  // namespace easylm
