// What differs between two models: tensor by tensor, in their configurations, in the files beside the
// weights.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "easylm/export.h"
#include "easylm/host.h"

namespace easylm {

// Two tensors of one name. Of other shapes nothing but that is known. Figures are over all elements; where
// one is a number and the other is none, or infinite, the distance is infinity.
struct TensorDifference {
  std::string name;
  std::string a_type, b_type;
  std::vector<std::int64_t> a_shape, b_shape;
  std::int64_t elements = 0, differing = 0;  // in their bits; of two types, in their values
  double max_abs = 0, mean_abs = 0;
  double relative = 0;  // the norm of the difference by that of A; NaN if A is 0
  double cosine = 0;    // between A and B; NaN if one of them is 0
};

struct TextDifference {
  std::string name, a, b;  // empty: it isn't there
};

struct ModelDifference {
  std::int64_t same = 0;  // tensors that are alike in everything
  std::vector<TensorDifference> changed;
  std::vector<std::string> only_in_a, only_in_b;
  std::vector<TextDifference> config;  // dotted keys of config.json, values as TOML
  std::vector<TextDifference> files;   // tokenizer files by name, values being SHA-256

  EASYLM_API bool none() const;
};

// Throws Error{interrupted} if the host was told to stop.
EASYLM_API ModelDifference compare_models(const Host& host, const TensorReader& a, const TensorReader& b);

EASYLM_API std::string difference_text(const ModelDifference& difference);

// {"same":bool,"same_tensors","changed":[{"name","a_type","b_type","a_shape","b_shape","elements","differing",
//  "max_abs","mean_abs","relative","cosine"}],"only_in_a":[],"only_in_b":[],"config":[{"name","a","b"}],
//  "files":[{"name","a","b"}]}; what is not finite is null
EASYLM_API std::string difference_json(const ModelDifference& difference);

}  // namespace easylm
