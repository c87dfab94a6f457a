// Whether two observations are the same, with figures.
#pragma once

#include <string>
#include <vector>

#include "easylm/value.h"
#include "observation.h"

namespace easylm::stages {

// One of the things compared.
struct Verdict {
  std::string what;  // "ids", "logits", "greedy"
  bool same = false;
  std::string words;  // figures for people
  Table figures;      // the same for scripts
};

// Ids, then logits within `tolerance`, then greedy text. Logits are compared where ids are the same.
std::vector<Verdict> compare(const Observation& a, const Observation& b, double tolerance);

}  // namespace easylm::stages
