// Checkpoints of the Python EasyLM: its stream of records, and flax's one map.
#include <filesystem>
#include <memory>
#include <string>

#include "easylm/checkpoint_format.h"
#include "easylm/schema.h"
#include "easylm/sdk/plugin.h"
#include "reader.h"
#include "writer.h"

namespace {

class EasylmStream final : public easylm::CheckpointFormat, public easylm::ReadsWithConfig {
 public:
  using easylm::CheckpointFormat::kInterface;  // what it is found by; the other is an extension

  struct Config {
    std::string form = "stream";
    std::int64_t num_attention_heads = 0;
    static void describe(easylm::Schema<Config>& s) {
      s.field("form", &Config::form, "written: a record a tensor, or one map for all; both are read")
          .one_of({"stream", "flax"});
      s.field("num_attention_heads", &Config::num_attention_heads,
              "heads of a model that is read; 0: as config.json beside it says")
          .at_least(0);
    }
  };

  EasylmStream(easylm::Host& host, const Config& config) : host_(host), config_(config) {}

  int probe(const std::filesystem::path& path) const override { return easylm::stream::probe_path(path); }
  std::unique_ptr<easylm::TensorReader> open(const std::filesystem::path& path) const override {
    return easylm::stream::open_path(host_, path, {config_.num_attention_heads, 0});
  }
  std::unique_ptr<easylm::TensorReader> open(const std::filesystem::path& path,
                                             const easylm::Table& model_config) const override {
    return easylm::stream::open_path(host_, path, easylm::stream::head_counts(model_config));
  }
  std::unique_ptr<easylm::TensorWriter> create(const std::filesystem::path& folder,
                                               const easylm::WritePlan& plan) const override {
    using easylm::stream::Form;
    return easylm::stream::create_file(folder, plan,
                                       {.form = config_.form == "flax" ? Form::flax : Form::stream});
  }
  void* extension(std::string_view id) override {
    return id == easylm::ReadsWithConfig::kInterface ? static_cast<easylm::ReadsWithConfig*>(this) : nullptr;
  }

 private:
  easylm::Host& host_;
  Config config_;
};

}  // namespace

EASYLM_PLUGIN("easylm-checkpoint-stream", "0.1.0") {
  registrar.component<EasylmStream>("easylm_stream",
                                    "Files of the Python EasyLM: streaming_params, train states, flax maps.");
}
