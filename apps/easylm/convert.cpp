// convert: a model in another format.
#include <algorithm>
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "config/overrides.h"
#include "easylm/conversion.h"
#include "easylm/huggingface_folder.h"
#include "model_files.h"
#include "observe/progress.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

// The format that is called so, or else the one whose name begins so: "easylm" is easylm_stream.
std::string format_called(const std::string& name, const Catalogue& catalogue) {
  const std::vector<std::string> formats = catalogue.available("checkpoint");
  const auto begins_so = [&](const std::string& format) { return format.starts_with(name + "_"); };
  const auto found = std::ranges::find_if(formats, begins_so);
  const bool is_exact = std::ranges::find(formats, name) != formats.end();
  return is_exact || std::ranges::count_if(formats, begins_so) != 1 ? name : *found;
}

// The table of the format that is to write.
Table format_of(const Invocation& invocation, const Catalogue& catalogue) {
  Table table;
  Diagnostics diagnostics;
  apply_sets(table, invocation.list("set"), diagnostics);
  if (diagnostics.has_errors()) throw Error(ErrorCode::invalid_config, diagnostics.text());
  table.type = format_called(invocation.text("to"), catalogue);
  if (invocation.has("quantize"))
    table.set("quantize", {invocation.text("quantize"), {"--quantize", {}, 0, 0}});
  return table;
}

// The settings of a preset, of whichever model has one of this name.
std::optional<Table> preset_config(const Catalogue& catalogue, const std::string& name) {
  for (const std::string& model : catalogue.available("model")) {
    for (const Preset& preset : catalogue.find("model", model)->presets) {
      if (preset.name == name) return Table{model, preset.settings, {}};
    }
  }
  return std::nullopt;
}

// What --config names: a configuration, and the tokenizer beside it.
void add_config(const std::string& place, const Catalogue& catalogue, ConversionRequest& request) {
  const std::filesystem::path path = place;
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored)) {
    request.model_config = preset_config(catalogue, place);
    if (request.model_config) return;
    throw Error(ErrorCode::not_found, "'" + place + "' is neither a place nor a preset of a model",
                "name a directory with config.json, or a preset: easylm plugins describe llama");
  }
  const std::filesystem::path folder =
      std::filesystem::is_directory(path, ignored) ? path : std::filesystem::absolute(path).parent_path();
  request.model_config = read_model_config(folder);
  request.tokenizer_files = read_tokenizer_files(folder);
  if (request.model_config) return;
  throw Error(ErrorCode::not_found, "there is no config.json in " + folder.string(),
              "name another directory");
}

}  // namespace

int convert_files(const Invocation& invocation) {
  return run_stoppable(invocation, [&](Session& session) {
    const ReadPlace source = read_place(invocation.words[0], session);
    RunHost host = session.make_host();
    Progress progress(session.console());
    ConversionRequest request;
    request.from = source.location.path;
    request.to = invocation.words[1];
    request.format = format_of(invocation, session.catalogue());
    request.dtype = wanted_dtype(invocation.text("dtype"));
    if (invocation.has("config")) add_config(invocation.text("config"), session.catalogue(), request);
    request.progress = [&](std::int64_t done, std::int64_t total) {
      progress.update(done, total, std::chrono::steady_clock::now());
    };
    const ConversionReport report = convert_model(host, request);
    progress.finish();
    std::cout << (invocation.has("json") ? conversion_json(report) : conversion_text(report));
    return 0;
  });
}

}  // namespace easylm::app
