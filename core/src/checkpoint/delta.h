// A model as what differs from another: small to keep, and the target again to the bit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/export.h"
#include "easylm/host.h"

namespace easylm {

// How a tensor of the target is kept that the base has in the same type and shape.
enum class DeltaMethod {
  exact,       // the exclusive or of the bits: the very bytes come back, NaN and -0 among them
  arithmetic,  // target - base as fp32, for other tools; rounding may lose the last bits
};

struct DeltaRequest {
  std::filesystem::path base, target;
  std::filesystem::path to;  // a new folder
  DeltaMethod method = DeltaMethod::exact;
};

struct ApplyRequest {
  std::filesystem::path base, delta;
  std::filesystem::path to;  // a new folder
  // Another tool made the delta, which says nothing of its base and target; else write_delta() made it.
  bool plain = false;
};

struct DeltaReport {
  std::filesystem::path to;
  std::int64_t same = 0, changed = 0, whole = 0;  // tensors: not kept, as a difference, as they are
  std::vector<std::string> only_in_base;          // the target does without them
  std::int64_t bytes = 0;
  std::string base, target;  // fingerprints; the delta of another tool says nothing of its target
  bool exact = true;         // whether the target's very bytes came back, of apply_delta()
};

// SHA-256 over names, types, shapes and bytes of all tensors: what a format makes of them doesn't matter.
EASYLM_API std::string fingerprint_of(const Host& host, const TensorReader& reader);

// Writes `target` as its difference from `base`: delta.safetensors, with the target's configuration and
// tokenizer. Throws Error; then nothing lies at `to`.
EASYLM_API DeltaReport write_delta(Host& host, const DeltaRequest& request);

// Makes the target again: a Hugging Face directory. Throws Error{invalid_config} if `base` is another one
// than the delta was made from, and Error{corrupt} if what comes out of an exact one is not the target; then
// nothing lies at `to`. Of a plain delta only names and shapes can be checked; the sums get the base's
// element types and, where no tokenizer lies beside the delta, its configuration and tokenizer.
EASYLM_API DeltaReport apply_delta(Host& host, const ApplyRequest& request);

EASYLM_API std::string delta_text(const DeltaReport& report);

// {"to","same","changed","whole","only_in_base":[],"bytes","base","target","exact"}
EASYLM_API std::string delta_json(const DeltaReport& report);

}  // namespace easylm
