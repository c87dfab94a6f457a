// Comparing what the kernels computed with what they should have.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <sstream>

#include "problem.h"

namespace easylm::bpt_cuda_test {
namespace {

using emulation::Copies;
using emulation::WarpOrder;

struct Tensors {
  const char* name;
  const Tensor16& computed;
  const std::vector<double>&exact, &rounded;
  double largest_term;  // of the sums that were made
};

// Twice the error that rounding alone makes: the kernels round where the reference does, but relative to the
// largest score so far instead of the last, and sum in fp32 in another order. The rest is fp32's share of
// terms that cancel.
void compare(const Tensors& tensors, std::ostringstream& faults) {
  const double error = largest_difference(numbers_of(tensors.computed), tensors.exact);
  const double allowed = 2 * largest_difference(tensors.exact, tensors.rounded) + 1e-6 * tensors.largest_term;
  if (!(error <= allowed)) {
    faults << tensors.name << " differs by " << error << ", allowed are " << allowed << "\n";
  }
  if (!tensors.computed.gaps_are_whole()) faults << tensors.name << " was written outside\n";
}

void compare_lse(const std::vector<float>& computed, const std::vector<double>& exact,
                 std::ostringstream& faults) {
  for (std::size_t i = 0; i < exact.size(); ++i) {
    const bool same = std::isinf(exact[i])
                          ? computed[i] == -INFINITY
                          : std::abs(computed[i] - exact[i]) <= 1e-5 + 1e-6 * std::abs(exact[i]);
    if (same) continue;
    faults << "the log-sum-exp of row " << i << " is " << computed[i] << " instead of " << exact[i] << "\n";
    return;
  }
}

std::vector<emulation::Schedule> others(Schedules schedules) {
  if (schedules == Schedules::kTwo) return {{WarpOrder::shuffled, Copies::early}};
  std::vector<emulation::Schedule> result = {{WarpOrder::ascending, Copies::early}};
  for (const WarpOrder order : {WarpOrder::descending, WarpOrder::alternating, WarpOrder::shuffled}) {
    result.push_back({order, Copies::early});
    result.push_back({order, Copies::late});
  }
  return result;
}

bool same_bits(const Outputs& a, const Outputs& b) {
  return a.o.bits() == b.o.bits() && a.dq.bits() == b.dq.bits() && a.dk.bits() == b.dk.bits() &&
         a.dv.bits() == b.dv.bits() &&
         std::memcmp(a.lse.data(), b.lse.data(), a.lse.size() * sizeof(float)) == 0;
}

}  // namespace

double largest_difference(const std::vector<double>& a, const std::vector<double>& b) {
  double largest = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    const double difference = std::abs(a[i] - b[i]);
    if (std::isnan(difference)) return difference;
    largest = std::max(largest, difference);
  }
  return largest;
}

std::string find_fault(const Case& example, Schedules schedules) {
  std::ostringstream faults;
  const Inputs inputs = make_inputs(example);
  const Reference exact = compute(example, inputs, Arithmetic::kExact);
  const Reference rounded = compute(example, inputs, Arithmetic::kRounded);
  const Outputs first = run_kernels(example, inputs, {WarpOrder::ascending, Copies::late});
  compare({"o", first.o, exact.o, rounded.o, example.magnitude}, faults);
  compare({"dq", first.dq, exact.dq, rounded.dq, exact.largest_term}, faults);
  compare({"dk", first.dk, exact.dk, rounded.dk, exact.largest_term}, faults);
  compare({"dv", first.dv, exact.dv, rounded.dv, example.magnitude}, faults);
  compare_lse(first.lse, exact.lse, faults);
  for (const emulation::Schedule& schedule : others(schedules)) {
    if (same_bits(first, run_kernels(example, inputs, schedule))) continue;
    faults << "other bits with warps in order " << static_cast<int>(schedule.order) << ", copies "
           << (schedule.copies == Copies::late ? "late\n" : "early\n");
  }
  const std::string text = faults.str();
  return text.empty() ? text : describe(example) + ":\n" + text;
}

}  // namespace easylm::bpt_cuda_test
