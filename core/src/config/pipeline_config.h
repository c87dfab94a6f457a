// A pipeline file, read and checked: what `run`, `check` and `config show` work with.
#pragma once

#include <cstddef>
#include <filesystem>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/descriptions.h"
#include "config/diagnostics.h"
#include "config/overrides.h"
#include "easylm/export.h"
#include "easylm/schema.h"
#include "easylm/stage.h"
#include "easylm/value.h"

namespace easylm {

struct ModelConfig {
  Table table;       // resolved; with `from`: only the keys given, and `type` may be empty
  std::string from;  // "shakespeare@best", "hf_dir", "file.gguf"; empty: a new model
  Origin from_origin;
};

struct CheckpointConfig {
  Table format;  // the component's own settings
  Table policy;  // the host's: see checkpoint_policy_fields()
};

// What a stage's table says about one of its inputs: "stage:pretrain", "shakespeare@best", "path/to/hf_dir".
struct GivenInput {
  std::string port;
  std::string reference;
  Origin origin;
  Table settings = {};  // of a model: those that override its own, resolved; `type` may be empty
};

enum class SourceKind {
  absent,     // an optional input that nothing provides
  table,      // the pipeline's own table of that name
  stage,      // what an earlier stage makes
  reference,  // as the stage's table says: a registry version or a path
};

// Where a stage gets one input from.
struct InputSource {
  std::string port;
  bool required = true;
  SourceKind kind = SourceKind::absent;
  std::string table;      // kind table: "model", "dataset.validation"
  std::size_t stage = 0;  // kind stage: index into PipelineConfig::stages, before this one
  std::string reference;  // kind reference
  Origin origin;          // of a given input
  Table settings;         // of a given model: those that override its own
};

struct StageConfig {
  std::string name;  // unique
  const ComponentDescription* description = nullptr;
  Table table;  // its own settings, resolved
  Origin origin;
  std::vector<GivenInput> given;
  std::vector<InputSource> inputs;  // one for each of description->needs, in that order
};

struct EASYLM_API PipelineConfig {
  std::vector<std::filesystem::path> files;  // first the named one, then those it extends
  RunFacts run;
  std::int64_t stop_timeout_seconds = 0;
  std::optional<Table> tokenizer;
  std::vector<std::pair<std::string, Table>> datasets;  // by name: "train", "validation"
  std::optional<ModelConfig> model;
  std::optional<Table> optimizer;
  std::optional<CheckpointConfig> checkpoint;
  std::vector<Table> trackers;
  std::vector<StageConfig> stages;
  Table resolved;  // all of it, as show.h prints it

  const Table* dataset(std::string_view name) const;  // null if there is none

  // The table that an input of kind `table` names ("model", "dataset.train"); null if there is none.
  const Table* table(std::string_view name) const;
};

struct LoadOptions {
  std::vector<std::string> sets;       // of --set
  std::vector<NamedText> environment;  // see config_environment()
  std::filesystem::path directory;     // absolute; where relative paths in settings start
};

// Reads, overrides, checks and matches. None if anything is wrong; `diagnostics` then says all that is. It
// may also hold warnings. `descriptions` outlives the result. [any-thread]
EASYLM_API std::optional<PipelineConfig> load_pipeline(const std::filesystem::path& file,
                                                       const LoadOptions& options,
                                                       const Descriptions& descriptions,
                                                       Diagnostics& diagnostics);

// The same for a document that was read already, for example one that a checkpoint brought.
EASYLM_API std::optional<PipelineConfig> check_pipeline(const Table& root, const std::filesystem::path& file,
                                                        const LoadOptions& options,
                                                        const Descriptions& descriptions,
                                                        Diagnostics& diagnostics);

// Fills in `inputs` of every stage: what its table says, else the nearest earlier stage that makes it, else
// the pipeline's table of that name. Reports what can't be matched.
EASYLM_API void match_stages(PipelineConfig& config, Diagnostics& diagnostics);

// Where models come from, each once: [model] from, and the stages' own. A pipeline without [tokenizer] takes
// that of its model: check_run() fills it in.
EASYLM_API std::vector<GivenInput> model_references(const PipelineConfig& config);

// Reports constraints of stages that don't hold. REQUIRES: match_stages() was called. What comes from a
// reference isn't known here, so a condition over it holds.
EASYLM_API void check_stage_constraints(const PipelineConfig& config, Diagnostics& diagnostics);

// The host's own keys of [run], [checkpoint] and [model].
EASYLM_API std::span<const Field> run_fields();
EASYLM_API std::span<const Field> checkpoint_policy_fields();

}  // namespace easylm
