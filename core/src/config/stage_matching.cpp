// Matches what each stage needs to what the stages before it make and to the pipeline's own tables.
#include <algorithm>
#include <cstddef>
#include <utility>

#include "config/checker.h"
#include "config/did_you_mean.h"
#include "config/pipeline_config.h"
#include "config/plain_values.h"

namespace easylm {
namespace {

constexpr std::string_view kStagePrefix = "stage:";
constexpr std::string_view kDatasetPrefix = "dataset.";

bool makes(const StageConfig& stage, std::string_view port) {
  const auto& made = stage.description->makes;
  return std::find(made.begin(), made.end(), port) != made.end();
}

class Matcher {
 public:
  Matcher(PipelineConfig& config, Diagnostics& diagnostics) : config_(config), diagnostics_(diagnostics) {}

  void match(std::size_t index) {
    StageConfig& stage = config_.stages[index];
    stage.inputs.clear();
    for (const Port& port : stage.description->needs) {
      InputSource source;
      source.port = port.name;
      source.required = port.required;
      const auto given = std::find_if(stage.given.begin(), stage.given.end(),
                                      [&](const GivenInput& input) { return input.port == port.name; });
      if (given != stage.given.end()) {
        match_given(index, *given, source);
      } else {
        match_nearest(index, source);
      }
      stage.inputs.push_back(std::move(source));
    }
  }

 private:
  void match_given(std::size_t index, const GivenInput& given, InputSource& source) {
    source.origin = given.origin;
    source.settings = given.settings;
    const std::string_view reference = given.reference;
    if (reference.starts_with(kStagePrefix)) {
      match_stage(index, std::string(reference.substr(kStagePrefix.size())), source);
    } else if (given.port.starts_with(kDatasetPrefix)) {
      match_dataset(given, source);
    } else {
      source.kind = SourceKind::reference;
      source.reference = given.reference;
    }
  }

  void match_stage(std::size_t index, const std::string& name, InputSource& source) {
    const std::string who = "stage." + config_.stages[index].name + "." + source.port;
    const auto begin = config_.stages.begin();
    const auto self = begin + static_cast<std::ptrdiff_t>(index);
    const auto named =
        std::find_if(begin, self, [&](const StageConfig& stage) { return stage.name == name; });
    if (named != self) {
      source.kind = SourceKind::stage;
      source.stage = static_cast<std::size_t>(named - begin);
      if (makes(*named, source.port)) return;
      diagnostics_.error(source.origin, "unmatched", who + ": stage '" + name + "' makes no " + source.port,
                         "it makes: " + join(named->description->makes));
      return;
    }
    const bool later =
        std::any_of(self, config_.stages.end(), [&](const StageConfig& stage) { return stage.name == name; });
    if (later) {
      diagnostics_.error(source.origin, "unmatched", who + ": stage '" + name + "' doesn't run before it",
                         "stages run from top to bottom");
      return;
    }
    std::vector<std::string> earlier;
    for (auto stage = begin; stage != self; ++stage) earlier.push_back(stage->name);
    diagnostics_.error(source.origin, "unmatched", who + ": there is no stage '" + name + "' before it",
                       suggestion(name, earlier, "before it run"));
  }

  // A dataset can be another one of the pipeline's: "test" is [dataset.test].
  void match_dataset(const GivenInput& given, InputSource& source) {
    std::vector<std::string> names;
    for (const auto& [name, table] : config_.datasets) names.push_back(name);
    const std::string_view reference = given.reference;
    const std::string name(reference.starts_with(kDatasetPrefix) ? reference.substr(kDatasetPrefix.size())
                                                                 : reference);
    if (config_.dataset(name) == nullptr) {
      diagnostics_.error(given.origin, "unmatched", "there is no [dataset." + name + "]",
                         suggestion(name, names, "datasets"));
      return;
    }
    source.kind = SourceKind::table;
    source.table = std::string(kDatasetPrefix) + name;
  }

  void match_nearest(std::size_t index, InputSource& source) {
    for (std::size_t i = index; i-- > 0;) {
      if (!makes(config_.stages[i], source.port)) continue;
      source.kind = SourceKind::stage;
      source.stage = i;
      return;
    }
    if (config_.table(source.port) != nullptr) {
      source.kind = SourceKind::table;
      source.table = source.port;
      return;
    }
    if (source.port == "tokenizer" && !model_references(config_).empty()) {
      source.kind = SourceKind::table;  // the model brings it
      source.table = source.port;
      return;
    }
    if (source.required) report_missing(config_.stages[index], source.port);
  }

  void report_missing(const StageConfig& stage, const std::string& port) {
    const bool is_dataset = port.starts_with(kDatasetPrefix);
    const bool has_table = is_dataset || port == "model" || port == "tokenizer" || port == "optimizer";
    std::string hint = has_table ? "add a [" + port + "] table" : "put a stage that makes it before this one";
    if (has_table && !is_dataset) hint += ", or a stage before this one that makes it";
    hint += is_dataset ? ", or name another dataset in this stage: " + port + " = \"NAME\""
                       : ", or say where it is: " + port + " = \"stage:NAME\", a registry version or a path";
    diagnostics_.error(stage.origin, "unmatched",
                       "stage '" + stage.name + "' needs " + port + ", and nothing provides it",
                       std::move(hint));
  }

  PipelineConfig& config_;
  Diagnostics& diagnostics_;
};

// What a stage's constraint means by "model.hidden_size": a setting of the very thing that the stage is
// given.
ExpressionValue lookup_input(const PipelineConfig& config, const StageConfig& stage, std::string_view name) {
  for (const InputSource& input : stage.inputs) {
    if (!name.starts_with(input.port + ".")) continue;
    const std::string_view rest = name.substr(input.port.size());
    ExpressionValue overridden = lookup_setting(input.settings, rest.substr(1));
    if (overridden.index() != 0) return overridden;
    switch (input.kind) {
      case SourceKind::table:
        return lookup_setting(config.resolved, input.table + std::string(rest));
      case SourceKind::stage:
        // A stage that makes what it was given (training a model) leaves its settings as they are.
        return lookup_input(config, config.stages[input.stage], name);
      default:
        return {};
    }
  }
  return {};
}

}  // namespace

std::vector<GivenInput> model_references(const PipelineConfig& config) {
  std::vector<GivenInput> references;
  const auto add = [&](const GivenInput& input) {
    const bool known = std::any_of(references.begin(), references.end(), [&](const GivenInput& other) {
      return other.reference == input.reference;
    });
    if (!known) references.push_back(input);
  };
  if (config.model && !config.model->from.empty())
    add({"model", config.model->from, config.model->from_origin});
  for (const StageConfig& stage : config.stages) {
    for (const GivenInput& input : stage.given) {
      if (input.port == "model" && !input.reference.starts_with(kStagePrefix)) add(input);
    }
  }
  return references;
}

void match_stages(PipelineConfig& config, Diagnostics& diagnostics) {
  Matcher matcher(config, diagnostics);
  for (std::size_t i = 0; i < config.stages.size(); ++i) matcher.match(i);
}

void check_stage_constraints(const PipelineConfig& config, Diagnostics& diagnostics) {
  for (const StageConfig& stage : config.stages) {
    const auto is_input = [&](std::string_view name) {
      return std::any_of(stage.inputs.begin(), stage.inputs.end(),
                         [&](const InputSource& input) { return name.starts_with(input.port + "."); });
    };
    const ExpressionLookup outside = [&](std::string_view name) {
      return is_input(name) ? lookup_input(config, stage, name) : lookup_setting(config.resolved, name);
    };
    check_constraints(*stage.description, stage.table, outside, diagnostics);
  }
}

}  // namespace easylm
