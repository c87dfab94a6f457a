// Saves and loads a 135 M model with its optimizer as the train stage does. Each line on standard input is
// answered with a number:
//
//   prepare     seconds until memory is taken for copies, and touched in the background: the start of a run
//   wait        seconds that a training step waits for a save in the background: the copy of all tensors
//   save HOME   seconds from those copies to the end of the commit; the version is HOME's newest
//   load DIR    seconds until every tensor of that version is in its place
//   bytes       of a version's tensors
//   peak        the most memory that the process held so far
#include <chrono>
#include <filesystem>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "checkpoint/policy.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/model_store.h"
#include "easylm/tensor/snapshot.h"
#include "easylm/tensor/train_step.h"
#include "easylm/tensor/training_state.h"
#include "shapes.h"
#include "support/plugin_host.h"
#include "support/program.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

class Bench {
 public:
  Bench() {
    Table byte;
    byte.type = "byte";
    tokenizer_ = host_.make<Tokenizer>(byte);
    Table safetensors;
    safetensors.type = "safetensors";
    format_ = host_.make<CheckpointFormat>(safetensors);
    model_ = host_.make<Model>(bench::model_table(bench::kShapes[0]));
    model_->materialise(at::kCPU, at::kFloat);
    model_->initialise(host_);
    optimizer_ = host_.make<Optimizer>(bench::optimizer_table());
    step_ = std::make_unique<TrainStep>(*model_, *optimizer_, TrainStepOptions{});
  }

  double answer(const std::string& command, const std::string& folder) {
    if (command == "bytes") return bytes();
    if (command == "peak") return static_cast<double>(bench::peak_resident_bytes());
    const auto started = std::chrono::steady_clock::now();
    if (command == "prepare") snapshot_.prepare(files());
    if (command == "wait") copies_ = snapshot_.take(files());
    if (command == "save") save(folder);
    if (command == "load") load(folder);
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
  }

 private:
  std::vector<TensorFiles> files() {
    return {model_files(*model_, *tokenizer_), training_files(state_, *step_, *optimizer_)};
  }

  double bytes() {
    std::int64_t sum = 0;
    for (const TensorFiles& part : files()) {
      for (const TensorInfo& tensor : part.plan.tensors) sum += tensor.num_bytes();
    }
    return static_cast<double>(sum);
  }

  void save(const fs::path& home) {
    Registry registry(home, RegistryAccess::write);
    FileSystem files_layer;
    CheckpointStoreOptions options;
    options.name = "bench";
    options.run = registry.begin_run({"bench", "", 1, "cpu", {}});
    options.stage = "train";
    options.format_name = "safetensors";
    options.format = format_;
    CheckpointStore store(std::move(options), registry, files_layer);
    store.save({.step = 1}, [&](const fs::path& folder) {
      for (const TensorFiles& part : copies_) write_files(*format_, folder, part);
    });
  }

  void load(const fs::path& version) {
    load_weights(*model_, *format_, version);
    load_training_tensors(*format_, version, state_, *step_, *optimizer_);
  }

  testing::PluginHost host_;
  std::shared_ptr<Tokenizer> tokenizer_;
  std::shared_ptr<CheckpointFormat> format_;
  std::shared_ptr<Model> model_;
  std::shared_ptr<Optimizer> optimizer_;
  std::unique_ptr<TrainStep> step_;
  TrainingState state_;
  std::vector<TensorFiles> copies_;
  Snapshot snapshot_;
};

}  // namespace
}  // namespace easylm

int main(int argc, char** argv) {
  return easylm::testing::run_program(argc, argv, [](const std::vector<std::string>& words) {
    easylm::prepare_torch({.name = "bench",
                           .seed = 1,
                           .device = "cpu",
                           .precision = "fp32",
                           .threads = words.empty() ? 1 : std::stoll(words[0])});
    easylm::Bench bench;
    for (std::string line; std::getline(std::cin, line);) {
      std::istringstream request(line);
      std::string command, folder;
      request >> command >> folder;
      std::cout << bench.answer(command, folder) << std::endl;  // NOLINT(performance-avoid-endl)
    }
  });
}
