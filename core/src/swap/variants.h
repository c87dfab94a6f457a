// Pipelines that differ in the type of one component: what `easylm bench swap` compares.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "config/descriptions.h"
#include "config/diagnostics.h"
#include "config/pipeline_config.h"
#include "easylm/export.h"
#include "easylm/value.h"

namespace easylm {

// "optimizer=adamw,lion"
struct VaryRequest {
  std::string key;                 // of a component's table: "optimizer", "model.attention"
  std::vector<std::string> names;  // at least two, each once: types of component
};

struct Variant {
  std::string name;  // the component's type
  std::string kind;  // "optimizer"
  Table root;        // the pipeline, as unchecked as the one it was made from
  std::vector<std::string>
      left_out;  // keys that the pipeline gives the component, and this type doesn't have
};

// Throws Error{invalid_config}.
EASYLM_API VaryRequest parse_vary(std::string_view text);

// One pipeline a name. `root` is raw (as load_document makes it, changed by --set and the environment): keys
// that it gives the component are kept where the new type has them, what it leaves unset is the new type's
// default. Whether a type exists is for the check of the variant. None, and a diagnostic, if `key` names no
// component's table.
EASYLM_API std::vector<Variant> make_variants(const Table& root, const VaryRequest& request,
                                              const Descriptions& descriptions, Diagnostics& diagnostics);

// Where the pipeline's one stage that trains stands among its stages: the one with keys for its length and
// its log. None, and a diagnostic, if there are none or several.
EASYLM_API std::optional<std::size_t> training_stage(const Table& root, const Descriptions& descriptions,
                                                     Diagnostics& diagnostics);

struct VariantSettings {
  std::string run_name;
  std::size_t stage = 0;              // as training_stage() says
  std::optional<std::int64_t> steps;  // of that stage, if not those of the pipeline
};

// Makes a raw pipeline one whose run can be measured: it writes metrics.jsonl, and saves nothing before its
// end.
EASYLM_API void prepare_variant(Table& root, const VariantSettings& settings);

// How many losses a comparison's curve should have at most, unless the pipeline asks for more.
inline constexpr std::int64_t kMostCurvePoints = 200;

// Lets the checked training stage log often enough for a curve. REQUIRES: `stage` is training_stage().
EASYLM_API void log_for_a_curve(PipelineConfig& config, std::size_t stage);

}  // namespace easylm
