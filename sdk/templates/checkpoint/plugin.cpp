// Another format's files under names of their own. Replace open() and create() by what reads and writes
// yours.
#include "easylm/checkpoint_format.h"
#include "easylm/sdk/plugin.h"
using namespace easylm;

struct @Name@ : CheckpointFormat {
  struct Config {
    Table format{"safetensors", {}};
    static void describe(Schema<Config>& s) {
      s.component("format", "checkpoint", &Config::format, "what the files are written in");
    }
  };
  @Name@(Host& host, const Config& config) : format_(host.make<CheckpointFormat>(config.format)) {}

  int probe(const std::filesystem::path& path) const override {
    return file_of(path).string().ends_with(kEnding) ? format_->probe(file_of(path)) : 0;
  }
  std::unique_ptr<TensorReader> open(const std::filesystem::path& path) const override {
    return format_->open(file_of(path));
  }
  std::unique_ptr<TensorWriter> create(const std::filesystem::path& folder,
                                       const WritePlan& plan) const override {
    WritePlan renamed = plan;
    renamed.stem += ".@name@";
    return format_->create(folder, renamed);
  }
  static std::filesystem::path file_of(const std::filesystem::path& path) {  // in a folder: the model's
    return is_directory(path) ? path / ("model" + std::string(kEnding)) : path;
  }
  static constexpr std::string_view kEnding = ".@name@.safetensors";
  std::shared_ptr<CheckpointFormat> format_;
};

EASYLM_PLUGIN("@name@", "0.1.0") { registrar.component<@Name@>("@name@", "Safetensors under other names."); }
