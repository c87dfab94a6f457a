// What `easylm bench swap` says: a table, JSON, and a picture.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "swap/own_time.h"

namespace easylm {

// One variant, measured. NaN where there was nothing to measure.
struct VariantFigures {
  std::string name;
  std::string plugin, plugin_version;
  double parameters = 0;  // 0: unknown
  OwnCurve curve;
  double final_loss = 0;          // settled_loss() at the end
  double loss_at_equal_time = 0;  // settled_loss() when the fastest variant was done
  double tokens_per_second = 0;   // as in own_time.h
  double ratio = 0;               // of tokens_per_second to that of the first variant
  std::int64_t peak_bytes = 0;    // of the process
  std::string version;            // the last one that it saved; empty: none
  std::string folder;             // of its run: log and metrics
};

struct SwapFigures {
  std::string id;            // of this comparison: the tag `bench` of its versions
  std::string key;           // what was varied: "optimizer"
  double equal_seconds = 0;  // own time in which the fastest variant was done
  std::vector<VariantFigures> variants;
};

// Fills in what follows from the curves: all but what the run itself knows. REQUIRES: there are variants.
EASYLM_API void sum_up(SwapFigures& figures);

// A Markdown table, aligned for terminals. Columns that no variant fills are left out.
EASYLM_API std::string swap_table(const SwapFigures& figures);
enum class Curves { leave_out, include };
EASYLM_API std::string swap_json(const SwapFigures& figures, Curves curves);
// Loss by step, and below it loss by own seconds.
EASYLM_API std::string swap_svg(const SwapFigures& figures);

}  // namespace easylm
