// From any format to any other: tensor by tensor, in slices, without LibTorch.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/export.h"
#include "easylm/host.h"

namespace easylm {

struct ConversionRequest {
  std::filesystem::path from;  // anything that an installed format reads
  std::filesystem::path to;    // a folder, or a file if the format writes just one and this ends as it does
  Table format;                // the checkpoint component that writes
  // For a source that holds none; a configuration given here wins over the source's own.
  std::optional<Table> model_config = {};
  std::vector<NamedFile> tokenizer_files = {};
  std::optional<DType> dtype;  // of floating point tensors; none: as they are read
  std::function<void(std::int64_t done, std::int64_t total)> progress = {};  // tensors; may be empty
};

struct ConvertedTensor {
  std::string name;
  std::vector<std::int64_t> shape;
  std::string from, to;              // element types as the files hold them
  std::int64_t became_infinite = 0;  // numbers that were too large for the new type
};

struct LeftOutTensor {
  std::string name, why;
};

struct ConversionReport {
  std::filesystem::path from, to;
  std::string from_format, to_format;
  std::vector<ConvertedTensor> tensors;
  std::vector<LeftOutTensor> left_out;
  std::string unchecked;           // why names and shapes were not compared with the model; empty: they were
  std::vector<std::string> files;  // beside the weights
  std::int64_t bytes = 0;          // of everything that was written
};

// Writes what lies at `from` to `to`, with configuration and tokenizer. Where an installed model describes
// its tensors, none may be missing, too many or of another shape, but for those that every model works out
// for itself. What was written is on disk under its name and was opened again when this returns. Throws
// Error, and Error{interrupted} if the host was told to stop; then nothing lies at `to`.
EASYLM_API ConversionReport convert_model(Host& host, const ConversionRequest& request);

// "f32", "f16", "bf16" or "keep" (none). Throws Error{invalid_config} for another word.
EASYLM_API std::optional<DType> wanted_dtype(const std::string& word);

// For people: a line a tensor, then what was left out and what it takes on disk.
EASYLM_API std::string conversion_text(const ConversionReport& report);

// {"from","from_format","to","to_format","bytes","checked","unchecked","files":[],
//  "tensors":[{"name","shape":[],"from","to","became_infinite"}],"left_out":[{"name","why"}]}
EASYLM_API std::string conversion_json(const ConversionReport& report);

}  // namespace easylm
