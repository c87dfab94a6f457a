// Hugging Face's safetensors: what every version of ours is written in.
#include <filesystem>
#include <memory>

#include "easylm/checkpoint_format.h"
#include "easylm/schema.h"
#include "easylm/sdk/plugin.h"
#include "reader.h"
#include "writer.h"

namespace {

class Safetensors final : public easylm::CheckpointFormat {
 public:
  struct Config {
    std::int64_t max_shard_size = 5'000'000'000;
    static void describe(easylm::Schema<Config>& s) {
      s.field("max_shard_size", &Config::max_shard_size, "larger weights are cut into several files")
          .unit("bytes")
          .at_least(1);
    }
  };

  Safetensors(easylm::Host& /*host*/, const Config& config) : config_(config) {}

  int probe(const std::filesystem::path& path) const override {
    return easylm::safetensors::probe_path(path);
  }
  std::unique_ptr<easylm::TensorReader> open(const std::filesystem::path& path) const override {
    return easylm::safetensors::open_path(path);
  }
  std::unique_ptr<easylm::TensorWriter> create(const std::filesystem::path& folder,
                                               const easylm::WritePlan& plan) const override {
    return easylm::safetensors::create_files(folder, plan, config_.max_shard_size);
  }

 private:
  Config config_;
};

}  // namespace

EASYLM_PLUGIN("easylm-checkpoint-safetensors", "0.1.0") {
  registrar.component<Safetensors>("safetensors",
                                   "A Hugging Face directory: safetensors files, their index, config.json.");
}
