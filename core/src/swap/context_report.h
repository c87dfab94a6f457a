// What `easylm bench context` says: a table, JSON, and a picture.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "swap/length_search.h"

namespace easylm {

struct ContextOfVariant {
  std::string name;
  std::vector<std::string> sets;  // what makes it one
  SearchResult search;
  std::vector<double> common;  // seconds per token at the common length, one a round; empty: it doesn't fit
};

struct ContextFigures {
  std::string id;  // the comparison's
  std::int64_t limit_bytes = 0;
  std::string limit_name;          // what enforces it
  std::int64_t common_length = 0;  // 0: none
  std::vector<ContextOfVariant> variants;
};

EASYLM_API std::string context_table(const ContextFigures& figures);
EASYLM_API std::string context_json(const ContextFigures& figures);
// Peak memory by length, and below it time per token by length, of all that fitted.
EASYLM_API std::string context_svg(const ContextFigures& figures);

}  // namespace easylm
