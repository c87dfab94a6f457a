// What was measured.
#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "cases.h"
#include "time_probe.h"

namespace easylm::stages {

// A kernel in one contest. NaN where there is nothing to say.
struct Figure {
  static constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

  Entrant entrant;
  std::int64_t head_dim = 0;
  std::string dtype;
  Pass pass = Pass::forward;
  double seconds = kNothing;           // median of a call
  double flops_per_second = kNothing;  // of the products of matrices that count
  double share = kNothing;             // of the machine's peak
  double ratio = kNothing;             // of flops_per_second to the first kernel's in the contest
  std::int64_t peak_bytes = -1;        // that tensors of one call held at once, beside its inputs
  std::int64_t rounds = 0, disturbed = 0;
  std::string note;  // why there are no numbers, or what is wrong with them
};

// One entry a round: what each kernel's call took, in the order of the figures.
using Rounds = std::vector<std::vector<Timing>>;

// Fills in seconds, flops_per_second, ratio, rounds, disturbed and, where all rounds count because too few
// were quiet, the note. A round is disturbed if any call in it was. `flops` are those of one call. REQUIRES:
// all three are of one contest and leave out kernels without numbers.
void sum_up(std::span<Figure* const> figures, std::span<const double> flops, const Rounds& rounds);

struct Results {
  std::string title;                                  // "8 heads, batch 1, causal, 2 threads"
  std::vector<std::pair<std::string, double>> peaks;  // FLOP/s by dtype
  std::vector<Figure> figures;
};

std::string as_markdown(const Results& results);
std::string as_csv(const Results& results);
std::string as_json(const Results& results);
std::string as_svg(const Results& results);

}  // namespace easylm::stages
