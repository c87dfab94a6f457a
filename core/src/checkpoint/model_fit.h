// Compares the tensors of a file with those that the model of its configuration has.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/conversion.h"
#include "easylm/host.h"

namespace easylm {

struct ModelFit {
  std::vector<std::size_t> taken;  // indices of the model's tensors; all of them if nothing was compared
  std::vector<LeftOutTensor> left_out;
  std::vector<std::string> complaints;  // "lm_head.weight is missing"
  std::string unchecked;                // why nothing was compared; empty: it was
};

// `config` is that of the model, which may be elsewhere than in the reader's files.
EASYLM_API ModelFit fit_to_model(const Host& host, const TensorReader& reader,
                                 const std::optional<Table>& config);

// Throws Error{corrupt} that names the first of many complaints, if there are any.
EASYLM_API void require_fit(const ModelFit& fit, const std::string& where);

// "a; b; and 3 more"
std::string first_of(const std::vector<std::string>& complaints);

// "[4096, 32]"
EASYLM_API std::string shape_text(const std::vector<std::int64_t>& shape);

}  // namespace easylm
