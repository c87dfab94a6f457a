// Collects curves of loss by position and draws them.
#include "observe/position_chart.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "platform/files.h"

namespace easylm {
namespace {

constexpr std::string_view kPrefix = "validation_loss_from_";

// A range is drawn where it ends: at the longest context that a target in it was read with.
double longest_context(std::string_view metric) {
  double begin = 0;
  std::from_chars(metric.data() + kPrefix.size(), metric.data() + metric.size(), begin);
  return std::max(1.0, 2 * begin);
}

}  // namespace

void PositionChart::log(const MetricRecord& record) {
  Series series{std::string(record.stage) + ", step " + std::to_string(record.step), {}};
  for (const Metric& metric : record.metrics) {
    if (metric.name.starts_with(kPrefix))
      series.points.emplace_back(longest_context(metric.name), metric.value);
  }
  if (series.points.empty()) return;
  const auto same_stage = [&](const Curve& curve) { return curve.stage == record.stage; };
  if (std::ranges::count_if(curves_, same_stage) == 2) {
    const auto last = std::find_if(curves_.rbegin(), curves_.rend(), same_stage);
    last->series = std::move(series);
  } else {
    curves_.push_back({std::string(record.stage), std::move(series)});
  }
  draw();
}

void PositionChart::draw() const {
  Chart chart{"validation loss by position",
              "tokens of context, from half as many up to this",
              {},
              Axis::powers_of_two};
  chart.series.reserve(curves_.size());
  for (const Curve& curve : curves_) chart.series.push_back(curve.series);
  FileSystem files;
  const std::filesystem::path file = folder_ / "loss_by_position.svg";
  const std::filesystem::path next = folder_ / "loss_by_position.svg.tmp";
  files.remove_tree(next);
  files.write_new_file(next, chart_svg(std::array{chart}));
  files.rename(next, file);
}

}  // namespace easylm
