// A tiny LLaMA, its data and its optimizer, made of the bundled plugins: what the tests of stages train.
#pragma once

#include <ATen/Parallel.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

#include "easylm/dataset.h"
#include "easylm/tensor/model.h"
#include "easylm/tensor/optimizer.h"
#include "support/fake_context.h"
#include "support/plugin_host.h"

namespace easylm::testing {

inline Value whole(std::int64_t x) { return {x, {}}; }
inline Value real(double x) { return {x, {}}; }
inline Value word(std::string x) { return {std::move(x), {}}; }

// A folder of this test's own, empty, gone with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string pattern = (std::filesystem::temp_directory_path() / "easylm-test-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw Error(ErrorCode::io, "no temporary folder");
    path_ = pattern;
  }
  ~TemporaryFolder() { std::filesystem::remove_all(path_); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::filesystem::path& path() const { return path_; }

 private:
  std::filesystem::path path_;
};

inline std::filesystem::path write_corpus(const std::filesystem::path& folder) {
  const auto file = folder / "corpus.txt";
  std::ofstream stream(file);
  for (int i = 0; i < 60; ++i) stream << "the quick brown fox jumps over the lazy dog " << i << "\n";
  return file;
}

inline Table llama_table() {
  return table_of("llama", {{"vocab_size", whole(258)},
                            {"hidden_size", whole(32)},
                            {"intermediate_size", whole(64)},
                            {"num_hidden_layers", whole(2)},
                            {"num_attention_heads", whole(4)},
                            {"num_key_value_heads", whole(2)},
                            {"max_position_embeddings", whole(32)}});
}

inline Table dataset_table(const std::filesystem::path& corpus) {
  return table_of(
      "text", {{"path", word(corpus.string())}, {"sequence_length", whole(32)}, {"batch_size", whole(4)}});
}

inline Table adamw_table() {
  Table schedule = table_of("constant", {{"value", real(3e-3)}});
  return table_of("adamw", {{"schedule", {std::move(schedule), {}}}});
}

inline std::shared_ptr<CheckpointFormat> make_format(Host& host) {
  return host.make<CheckpointFormat>(table_of("safetensors"));
}

// Everything that a stage needs, fresh.
struct SmallTraining {
  SmallTraining() : corpus(write_corpus(folder.path())) {
    at::set_num_threads(1);  // small work: threads would only wait for each other
    checkpoints = std::make_unique<FakeCheckpoints>(folder.path() / "versions", make_format(host));
    context = std::make_unique<FakeContext>(host, *checkpoints);
    refill();
  }

  // New components, as the next stage of a pipeline gets them; the model only if there is none yet.
  void refill() {
    auto& inputs = context->inputs;
    if (!inputs.contains("model")) inputs["model"].component = host.make_component("model", llama_table());
    inputs["tokenizer"].component = host.make_component("tokenizer", table_of("byte"));
    inputs["optimizer"].component = host.make_component("optimizer", adamw_table());
    inputs["dataset.train"].component = host.make_component("dataset", dataset_table(corpus));
    inputs["dataset.validation"].component = host.make_component("dataset", dataset_table(corpus));
  }

  void run(const Table& stage) { host.make<Stage>(stage)->run(*context); }

  TemporaryFolder folder;
  std::filesystem::path corpus;
  PluginHost host;
  std::unique_ptr<FakeCheckpoints> checkpoints;
  std::unique_ptr<FakeContext> context;
};

inline Table train_table(std::int64_t steps) {
  return table_of("train", {{"steps", whole(steps)}, {"log_every_steps", whole(1)}});
}

template <typename Run>
Error error_of(Run&& run) {
  try {
    run();
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "nothing was thrown";
  return {ErrorCode::internal, "nothing was thrown"};
}

inline std::vector<Parameter> parameters_of(Component& model) {
  std::vector<Parameter> parameters;
  dynamic_cast<Model&>(model).parameters(parameters);
  return parameters;
}

}  // namespace easylm::testing
