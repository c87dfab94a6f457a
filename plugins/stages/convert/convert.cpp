// Writes a model in another format, within a pipeline.
#include <optional>
#include <string>
#include <utility>

#include "easylm/conversion.h"
#include "easylm/huggingface_folder.h"
#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"

namespace easylm {
namespace {

class Convert : public Stage {
 public:
  struct Config {
    Path path;
    Table format;
    std::optional<Path> config;
    std::string dtype = "keep";

    static void describe(Schema<Config>& s) {
      s.field("path", &Config::path, "where it is written, a folder or a file; nothing may be there")
          .required();
      s.component("format", "checkpoint", &Config::format, "in which format, with its own keys").required();
      s.field("dtype", &Config::dtype, "element type of the weights; keep: as they are")
          .one_of({"keep", "f32", "f16", "bf16"});
      s.field("config", &Config::config, "a directory with config.json, for a model whose files hold none")
          .must_exist();
      s.needs("model");
      s.makes("export");
    }
  };

  Convert(Host& host, Config config) : host_(host), config_(std::move(config)) {}

  void run(StageContext& context) override {
    const Artifact source = context.input("model");
    check_files(source);
    const ConversionReport report = convert_model(
        host_, {.from = source.path,
                .to = config_.path.text,
                .format = config_.format,
                .model_config = model_config(),
                .dtype = wanted_dtype(config_.dtype),
                .progress = [&](std::int64_t done, std::int64_t total) { context.progress(done, total); }});
    context.print(conversion_text(report));
    context.output("export", {.component = nullptr, .path = report.to, .uri = {}, .config = {}});
  }

 private:
  std::optional<Table> model_config() const {
    if (!config_.config) return std::nullopt;
    std::optional<Table> config = read_model_config(config_.config->text);
    if (config) return config;
    throw Error(ErrorCode::not_found, "there is no config.json in " + config_.config->text,
                "name another directory");
  }

  // Files are converted, not what a pipeline makes of them.
  static void check_files(const Artifact& source) {
    if (source.path.empty()) {
      throw Error(ErrorCode::invalid_config, "the model to convert was never saved",
                  "train it in a stage before this one, or say where it is: model = \"name@best\" or a path");
    }
    for (const Setting& setting : source.config.settings) {
      if (setting.value.origin.source == "default") continue;
      throw Error(ErrorCode::invalid_config,
                  "model." + setting.key + " is set beside `from`, and a conversion takes files as they are",
                  "take it out, or name the model in the stage: model = \"name@best\" or a path");
    }
  }

  Host& host_;
  Config config_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("easylm-stage-convert", "0.1.0") {
  registrar.component<easylm::Convert>("convert", "Writes a model in another format.");
}
