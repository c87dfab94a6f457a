// Runs the kernel under many schedules and compares.
#include "find_fault.h"

#include <cuda_runtime_api.h>

#include <cmath>
#include <cstring>
#include <sstream>
#include <vector>

#include "bpt_cuda/forward_sm90.h"

namespace easylm::bpt_cuda_test {
namespace {

using emulation::Copies;
using emulation::WarpOrder;

struct Result {
  Tensor16 o;
  std::vector<float> lse;
};

Result run(const Case& example, const Inputs& inputs, const emulation::Schedule& schedule) {
  CUstream_st stream{schedule};
  const Dimensions& d = inputs.q.dimensions();
  Result result = {Tensor16(example.shape.element, d, example.layout),
                   std::vector<float>(static_cast<std::size_t>(d.batch) * d.heads * d.tokens, NAN)};
  require_success(
      bpt_cuda::forward_sm90({example.shape, mask_of(example), inputs.scale, inputs.q.view(), inputs.k.view(),
                              inputs.v.view(), result.o.view(), rows_of(example, result.lse)},
                             &stream),
      "forward_sm90");
  return result;
}

std::vector<emulation::Schedule> schedules_of(Schedules schedules) {
  std::vector<emulation::Schedule> all = {{WarpOrder::ascending, Copies::late},
                                          {WarpOrder::shuffled, Copies::early}};
  if (schedules == Schedules::kTwo) return all;
  all.push_back({WarpOrder::ascending, Copies::early});
  all.push_back({WarpOrder::shuffled, Copies::late});
  for (const WarpOrder order : {WarpOrder::descending, WarpOrder::alternating}) {
    all.push_back({order, Copies::early});
    all.push_back({order, Copies::late});
  }
  return all;
}

// As for the other kernels: twice the error that rounding alone makes, and fp32's share.
void compare(const Case& example, const Inputs& inputs, const Result& result, std::ostringstream& faults) {
  const Reference exact = compute(example, inputs, Arithmetic::kExact);
  const Reference rounded = compute(example, inputs, Arithmetic::kRounded);
  const double error = largest_difference(numbers_of(result.o), exact.o);
  const double allowed = 2 * largest_difference(exact.o, rounded.o) + 1e-6 * example.magnitude;
  if (!(error <= allowed)) faults << "o differs by " << error << ", allowed are " << allowed << "\n";
  if (!result.o.gaps_are_whole()) faults << "o was written outside\n";
  for (std::size_t i = 0; i < exact.lse.size(); ++i) {
    const bool same = std::isinf(exact.lse[i])
                          ? result.lse[i] == -INFINITY
                          : std::abs(result.lse[i] - exact.lse[i]) <= 1e-5 + 1e-6 * std::abs(exact.lse[i]);
    if (same) continue;
    faults << "the log-sum-exp of row " << i << " is " << result.lse[i] << " instead of " << exact.lse[i]
           << "\n";
    return;
  }
}

}  // namespace

std::string find_fault_sm90(const Case& example, Schedules schedules) {
  std::ostringstream faults;
  const Inputs inputs = make_inputs(example);
  try {
    const std::vector<emulation::Schedule> all = schedules_of(schedules);
    const Result first = run(example, inputs, all.front());
    compare(example, inputs, first, faults);
    for (const emulation::Schedule& schedule : all) {
      const Result other = run(example, inputs, schedule);
      const bool same =
          first.o.bits() == other.o.bits() &&
          std::memcmp(first.lse.data(), other.lse.data(), first.lse.size() * sizeof(float)) == 0;
      if (same) continue;
      faults << "other bits with warps in order " << static_cast<int>(schedule.order) << ", copies "
             << (schedule.copies == Copies::late ? "late\n" : "early\n");
    }
  } catch (const emulation::Fault& fault) {
    faults << fault.what() << "\n";
  }
  const std::string text = faults.str();
  return text.empty() ? text : describe(example) + ":\n" + text;
}

}  // namespace easylm::bpt_cuda_test
