// The variants of a pipeline whose longest sequences are compared.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "config/descriptions.h"
#include "config/pipeline_config.h"
#include "easylm/export.h"
#include "easylm/value.h"

namespace easylm {

// A name, and what --set would say.
struct ContextVariant {
  std::string name;
  std::vector<std::string> sets;
};

// "bpt: model.attention=bpt, model.blockwise=true": a name, a colon, settings between commas; a comma within
// quotes, brackets or braces is part of a value. Throws Error{invalid_config}.
EASYLM_API ContextVariant parse_context_variant(std::string_view text);

// reference; sdpa with recomputed blocks; bpt, as blockwise layers if the pipeline's model has the key
// `blockwise`. `stage` is the one that trains.
EASYLM_API std::vector<ContextVariant> usual_context_variants(const Table& root, std::size_t stage,
                                                              const Descriptions& descriptions);

// The pipeline that takes `steps` steps on single rows of `length` tokens, at a learning rate of 0, and does
// nothing else: a checked one, changed, as TOML. REQUIRES: context_problem() is empty.
EASYLM_API std::string context_pipeline(const PipelineConfig& config, std::size_t stage, std::int64_t length,
                                        std::int64_t steps);

// Why the pipeline can't be lengthened; empty if it can.
EASYLM_API std::string context_problem(const PipelineConfig& config);

}  // namespace easylm
