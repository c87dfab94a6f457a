// What the file of a delta says of itself, in its metadata.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/delta.h"
#include "easylm/checkpoint_format.h"

namespace easylm {

// How one tensor of the target is kept: not at all, as a difference, as it is.
enum class Kept { same, changed, whole };

struct DeltaItem {
  TensorInfo target;
  Kept kept = Kept::whole;
};

struct DeltaFacts {
  DeltaMethod method = DeltaMethod::exact;
  std::string base, target;      // fingerprints; empty: nobody knows
  std::vector<DeltaItem> items;  // a tensor of the target each
};

// The element type under which an item lies in the file.
DType stored_dtype(const DeltaItem& item, DeltaMethod method);

std::vector<std::pair<std::string, std::string>> metadata_of(const DeltaFacts& facts);

// Throws Error{corrupt} if `reader`, opened at `path`, is no delta, or doesn't hold what it says.
DeltaFacts read_delta_facts(const TensorReader& reader, const std::filesystem::path& path);

}  // namespace easylm
