// Files of torch.save, read only: pytorch_model.bin in a Hugging Face directory, and Meta's LLaMA folders.
#include <filesystem>
#include <memory>
#include <string>

#include "easylm/checkpoint_format.h"
#include "easylm/error.h"
#include "easylm/schema.h"
#include "easylm/sdk/plugin.h"
#include "llama_original.h"
#include "reader.h"

namespace {

[[noreturn]] void cannot_write(const std::string& format) {
  throw easylm::Error(easylm::ErrorCode::unsupported, "the format '" + format + "' is only read",
                      "write safetensors, which everything reads that reads this");
}

class TorchBin final : public easylm::CheckpointFormat {
 public:
  struct Config {
    static void describe(easylm::Schema<Config>& /*s*/) {}
  };
  TorchBin(easylm::Host& /*host*/, const Config& /*config*/) {}

  int probe(const std::filesystem::path& path) const override { return easylm::torch_bin::probe_path(path); }
  std::unique_ptr<easylm::TensorReader> open(const std::filesystem::path& path) const override {
    return easylm::torch_bin::open_path(path);
  }
  std::unique_ptr<easylm::TensorWriter> create(const std::filesystem::path& /*folder*/,
                                               const easylm::WritePlan& /*plan*/) const override {
    cannot_write("torch_bin");
  }
};

class LlamaOriginal final : public easylm::CheckpointFormat {
 public:
  struct Config {
    static void describe(easylm::Schema<Config>& /*s*/) {}
  };
  LlamaOriginal(easylm::Host& host, const Config& /*config*/) : host_(host) {}

  int probe(const std::filesystem::path& path) const override {
    return easylm::torch_bin::probe_original(path);
  }
  std::unique_ptr<easylm::TensorReader> open(const std::filesystem::path& path) const override {
    return easylm::torch_bin::open_original(host_, path);
  }
  std::unique_ptr<easylm::TensorWriter> create(const std::filesystem::path& /*folder*/,
                                               const easylm::WritePlan& /*plan*/) const override {
    cannot_write("llama_original");
  }

 private:
  easylm::Host& host_;
};

}  // namespace

EASYLM_PLUGIN("easylm-checkpoint-torch-bin", "0.1.0") {
  registrar.component<TorchBin>("torch_bin", "Files of torch.save, such as pytorch_model.bin; read only.");
  registrar.component<LlamaOriginal>("llama_original",
                                     "Meta's LLaMA folders: consolidated.00.pth and params.json; read only.");
}
