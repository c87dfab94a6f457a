// Hugging Face's safetensors: what every version of ours is written in.
#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

#include "config_style.h"
#include "easylm/checkpoint_format.h"
#include "easylm/schema.h"
#include "easylm/sdk/plugin.h"
#include "reader.h"
#include "writer.h"

namespace {

class Safetensors : public easylm::CheckpointFormat {
 public:
  struct Config {
    std::int64_t max_shard_size = 5'000'000'000;
    std::string style = "as_is";
    static void describe(easylm::Schema<Config>& s) {
      s.field("max_shard_size", &Config::max_shard_size, "larger weights are cut into several files")
          .unit("bytes")
          .at_least(1);
      s.field("style", &Config::style,
              "words of config.json: v4 (rope_scaling, torch_dtype), v5 (rope_parameters, dtype), or as they "
              "come")
          .one_of({"as_is", "v4", "v5"});
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
    easylm::WritePlan styled = plan;
    if (plan.model_config) {
      styled.model_config = easylm::safetensors::in_style(*plan.model_config, config_.style);
    }
    return easylm::safetensors::create_files(folder, styled, config_.max_shard_size);
  }

 private:
  Config config_;
};

// The same files under the name that people look for. Who asks which format reads them is told `safetensors`.
class HuggingFace final : public Safetensors {
 public:
  using Safetensors::Safetensors;
  int probe(const std::filesystem::path& path) const override {
    return std::max(0, Safetensors::probe(path) - 1);
  }
};

}  // namespace

EASYLM_PLUGIN("easylm-checkpoint-safetensors", "0.1.0") {
  registrar.component<Safetensors>("safetensors",
                                   "A Hugging Face directory: safetensors files, their index, config.json.");
  registrar.component<HuggingFace>("hf", "The same as safetensors.");
}
