// GGUF: the one file that llama.cpp and what is built on it read.
#include <filesystem>
#include <memory>
#include <string>

#include "easylm/checkpoint_format.h"
#include "easylm/schema.h"
#include "easylm/sdk/plugin.h"
#include "reader.h"
#include "writer.h"

namespace {

class Gguf final : public easylm::CheckpointFormat {
 public:
  struct Config {
    std::string quantize = "none";
    static void describe(easylm::Schema<Config>& s) {
      s.field("quantize", &Config::quantize, "how matrices are written; none: as they come")
          .one_of({"none", "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1"});
    }
  };

  Gguf(easylm::Host& /*host*/, Config config) : config_(std::move(config)) {}

  int probe(const std::filesystem::path& path) const override { return easylm::gguf::probe_path(path); }
  std::unique_ptr<easylm::TensorReader> open(const std::filesystem::path& path) const override {
    return easylm::gguf::open_path(path);
  }
  std::unique_ptr<easylm::TensorWriter> create(const std::filesystem::path& folder,
                                               const easylm::WritePlan& plan) const override {
    return easylm::gguf::create_file(folder, plan, config_.quantize);
  }

 private:
  Config config_;
};

}  // namespace

EASYLM_PLUGIN("easylm-checkpoint-gguf", "0.1.0") {
  registrar.component<Gguf>("gguf",
                            "llama.cpp's single file: weights, plain or quantised, tokenizer and settings.");
}
