// Crosses lists, and counts.
#include "cases.h"

#include <algorithm>
#include <charconv>

#include "easylm/error.h"

namespace easylm::stages {
namespace {

void add_contests(const Contest& like, const std::vector<Pass>& passes, std::vector<Contest>& contests) {
  if (like.entrants.empty()) return;
  for (const Pass pass : passes) {
    contests.push_back(like);
    contests.back().pass = pass;
  }
}

}  // namespace

std::string_view name_of(Pass pass) { return pass == Pass::forward ? "forward" : "forward_backward"; }

NamedKernel parse_kernel(std::string_view text) {
  const std::size_t at = text.find('@');
  NamedKernel kernel{std::string(text.substr(0, at)), 0};
  if (at == std::string_view::npos && !kernel.name.empty()) return kernel;
  const std::string_view digits = at == std::string_view::npos ? "" : text.substr(at + 1);
  const auto [end, failure] = std::from_chars(digits.data(), digits.data() + digits.size(), kernel.length);
  const bool is_whole = failure == std::errc{} && end == digits.data() + digits.size();
  if (!kernel.name.empty() && is_whole && kernel.length > 0) return kernel;
  throw Error(ErrorCode::invalid_config, "'" + std::string(text) + "' names no kernel to time",
              "give a name, or a name and a length of at least 1: \"bpt\", \"bpt@16384\"");
}

std::vector<Contest> contests_of(const Plan& plan) {
  std::vector<Contest> contests;
  for (const std::int64_t head_dim : plan.head_dims) {
    for (const std::string& dtype : plan.dtypes) {
      Contest apart{head_dim, dtype, Pass::forward, {}};
      for (const NamedKernel& kernel : plan.kernels) {
        if (kernel.length > 0) apart.entrants.push_back({kernel.name, kernel.length});
      }
      for (const std::int64_t length : plan.lengths) {
        Contest contest{head_dim, dtype, Pass::forward, {}};
        for (const NamedKernel& kernel : plan.kernels) {
          if (kernel.length == 0) contest.entrants.push_back({kernel.name, length});
        }
        add_contests(contest, plan.passes, contests);
      }
      add_contests(apart, plan.passes, contests);
    }
  }
  return contests;
}

double visible_pairs(std::int64_t length, const CallShape& shape) {
  const auto t = static_cast<double>(length);
  const auto w = static_cast<double>(shape.window > 0 ? std::min(shape.window, length) : length);
  const double below = w * (w + 1) / 2 + (t - w) * w;  // on the diagonal and below it
  if (shape.causal) return below;
  const double above = t * (t - 1) / 2;  // a window bounds only what lies behind
  return below + above;
}

double flops_of(const Entrant& entrant, const Contest& contest, const CallShape& shape) {
  const double products = contest.pass == Pass::forward ? 2 : 7;
  return products * 2 * visible_pairs(entrant.length, shape) * static_cast<double>(contest.head_dim) *
         static_cast<double>(shape.heads * shape.batch);
}

}  // namespace easylm::stages
