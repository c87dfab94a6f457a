// Tells what a delta without a description does to its base.
#include "checkpoint/plain_delta.h"

#include <string>
#include <vector>

#include "checkpoint/model_fit.h"
#include "checkpoint/tensor_slices.h"
#include "easylm/elements.h"
#include "easylm/error.h"
#include "easylm/extra_tensors.h"

namespace easylm {
namespace {

bool can_add(DType dtype) { return is_float(dtype) && dtype != DType::f64; }

// Why this pair can't be added; empty: it can.
std::string trouble_with(const TensorInfo& base, const TensorInfo& delta) {
  if (base.shape != delta.shape) {
    return base.name + " is " + shape_text(delta.shape) + " in the delta and " + shape_text(base.shape) +
           " in the base";
  }
  if (!can_add(base.dtype) || !can_add(delta.dtype)) {
    return base.name + " holds " + std::string(name_of(can_add(base.dtype) ? delta.dtype : base.dtype)) +
           ", which is not added";
  }
  return {};
}

}  // namespace

DeltaFacts plain_delta_facts(const TensorReader& base, const TensorReader& delta,
                             const std::filesystem::path& path) {
  DeltaFacts facts{.method = DeltaMethod::arithmetic};
  std::vector<std::string> complaints;
  for (const TensorInfo& tensor : delta.tensors()) {
    const auto in_base = index_of(base, tensor.name);
    if (!in_base) {
      facts.items.push_back({{tensor.name, tensor.dtype, tensor.shape}, Kept::whole});
      continue;
    }
    const TensorInfo& before = base.tensors()[*in_base];
    std::string trouble = trouble_with(before, tensor);
    if (!trouble.empty()) complaints.push_back(std::move(trouble));
    facts.items.push_back({{before.name, before.dtype, before.shape}, Kept::changed});
  }
  for (std::size_t i = 0; i < base.tensors().size(); ++i) {
    const std::string& name = base.tensors()[i].name;
    if (!index_of(delta, name) && why_not_needed(base, i).empty()) {
      complaints.push_back(name + " is not in the delta");
    }
  }
  if (complaints.empty()) return facts;
  throw Error(ErrorCode::invalid_config,
              path.string() + " can't be added to this base: " + first_of(complaints),
              "give the base that the delta was made from");
}

}  // namespace easylm
