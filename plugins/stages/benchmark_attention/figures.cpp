// Medians and ratios over rounds.
#include "figures.h"

#include <algorithm>
#include <cstddef>

#include "easylm/error.h"

namespace easylm::stages {
namespace {

constexpr std::size_t kFewestQuiet = 3;

bool is_quiet(const std::vector<Timing>& round) { return std::ranges::none_of(round, &Timing::disturbed); }

// REQUIRES: there are values.
double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  if (values.size() % 2 == 1) return *middle;
  return (*middle + *std::max_element(values.begin(), middle)) / 2;
}

}  // namespace

void sum_up(std::span<Figure* const> figures, std::span<const double> flops, const Rounds& rounds) {
  Rounds counted;
  std::ranges::copy_if(rounds, std::back_inserter(counted), is_quiet);
  const std::size_t num_quiet = counted.size();
  const bool has_enough = num_quiet >= std::min(kFewestQuiet, rounds.size());
  if (!has_enough) counted = rounds;
  for (std::size_t i = 0; i < figures.size(); ++i) {
    std::vector<double> seconds;
    std::vector<double> ratios;
    seconds.reserve(counted.size());
    ratios.reserve(counted.size());
    for (const std::vector<Timing>& round : counted) {
      EASYLM_CHECK(round.size() == figures.size(), "a round has one timing for each kernel");
      seconds.push_back(round[i].seconds);
      ratios.push_back((flops[i] / round[i].seconds) / (flops[0] / round[0].seconds));
    }
    Figure& figure = *figures[i];
    figure.seconds = median(seconds);
    figure.flops_per_second = flops[i] / figure.seconds;
    figure.ratio = median(ratios);
    figure.rounds = static_cast<std::int64_t>(rounds.size());
    figure.disturbed = static_cast<std::int64_t>(rounds.size() - num_quiet);
    if (!has_enough) figure.note = "too few quiet rounds: all count";
  }
}

}  // namespace easylm::stages
