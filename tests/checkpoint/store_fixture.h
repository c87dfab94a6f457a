// A home with a registry, a run, and stores that save small versions.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "checkpoint/policy.h"
#include "support/temporary_folder.h"

namespace easylm::testing {

// These tests write files by themselves: a store only hands its format on.
class NoFormat final : public CheckpointFormat {
 public:
  int probe(const std::filesystem::path& /*path*/) const override { return 0; }
  std::unique_ptr<TensorReader> open(const std::filesystem::path& /*path*/) const override { return nullptr; }
  std::unique_ptr<TensorWriter> create(const std::filesystem::path& /*folder*/,
                                       const WritePlan& /*plan*/) const override {
    return nullptr;
  }
};

inline void write_text(const std::filesystem::path& file, const std::string& text) {
  std::ofstream(file, std::ios::binary) << text;
}

// What a stage would write at `step`.
inline void fill_version(const std::filesystem::path& folder, std::int64_t step) {
  write_text(folder / "config.json", "{}\n");
  write_text(folder / "model.safetensors", std::string(20000, static_cast<char>('a' + step % 26)));
  std::filesystem::create_directory(folder / "easylm");
  write_text(folder / "easylm/state.json", std::to_string(step));
}

class StoreTest : public ::testing::Test {
 protected:
  CheckpointStoreOptions options(CheckpointPolicy policy = {}) {
    CheckpointStoreOptions options;
    options.name = "shakespeare";
    options.run = run_;
    options.stage = "train";
    options.format_name = "safetensors";
    options.format = std::make_shared<NoFormat>();
    options.policy = policy;
    options.made_with = {{"model", "llama", "1"}, {"tokenizer", "byte", "1"}};
    options.warn = [this](const Error& error) { warnings_.push_back(error.message()); };
    return options;
  }
  static SavedVersion save(CheckpointStore& store, std::int64_t step) {
    SaveRequest request;
    request.step = step;
    request.tokens = step * 4096;
    request.dataset_fingerprint = "text-1";
    return store.save(request, [&](const std::filesystem::path& folder) { fill_version(folder, step); });
  }
  std::filesystem::path versions() const { return home_ / "checkpoints/shakespeare"; }
  // Names in the folder of versions, sorted.
  std::vector<std::string> entries() {
    std::vector<std::string> names;
    if (!files_.exists(versions())) return names;
    for (const FolderEntry& entry : files_.list(versions())) names.push_back(entry.name);
    return names;
  }

  TemporaryFolder folder_;
  std::filesystem::path home_ = folder_.path() / "runs";
  FileSystem files_;
  Registry registry_{home_, RegistryAccess::write};
  std::string run_ = registry_.begin_run({"shakespeare", "", 42, "cpu", {}});
  std::vector<std::string> warnings_;
};

}  // namespace easylm::testing
