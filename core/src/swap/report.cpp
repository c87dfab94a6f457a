// Sums up what was measured, and prints it.
#include "swap/report.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <utility>

#include "easylm/chart.h"
#include "easylm/json.h"
#include "easylm/markdown_table.h"
#include "observe/format.h"

namespace easylm {
namespace {

constexpr double kNothing = std::numeric_limits<double>::quiet_NaN();

double own_end(const VariantFigures& variant) {
  const auto& steps = variant.curve.steps;
  return steps.empty() ? kNothing : steps.back().seconds;
}

std::int64_t num_steps(const VariantFigures& variant) {
  const auto& steps = variant.curve.steps;
  return steps.empty() ? 0 : steps.back().step;
}

using Row = std::vector<std::string>;

Row headings(const SwapFigures& figures) {
  return {figures.key,
          "plugin",
          "parameters",
          "steps",
          "final loss",
          "validation loss",
          "loss at " + format_fixed(figures.equal_seconds, 1) + " s",
          "own time (s)",
          "tokens/s",
          "ratio",
          "start-up (s)",
          "peak memory"};
}

Row row_of(const VariantFigures& variant) {
  const bool is_timed = std::isfinite(variant.tokens_per_second);
  return {variant.name,
          variant.plugin + " " + variant.plugin_version,
          variant.parameters > 0 ? format_count(variant.parameters) : "",
          std::to_string(num_steps(variant)),
          format_fixed(variant.final_loss, 4),
          format_fixed(variant.curve.validation_loss.value_or(kNothing), 4),
          format_fixed(variant.loss_at_equal_time, 4),
          format_fixed(own_end(variant), 1),
          is_timed ? format_count(variant.tokens_per_second) : "",
          format_fixed(variant.ratio, 2),
          format_fixed(variant.curve.startup_seconds, 1),
          format_bytes(static_cast<double>(variant.peak_bytes))};
}

Value number(double x) { return {x, {}}; }
Value number(std::int64_t x) { return {x, {}}; }

template <typename Member>
Value list_of(const std::vector<LoggedStep>& steps, Member LoggedStep::*member) {
  List list;
  list.reserve(steps.size());
  for (const LoggedStep& step : steps) list.push_back(number(step.*member));
  return {std::move(list), {}};
}

Table curve_json(const std::vector<LoggedStep>& steps) {
  Table curve;
  curve.set("step", list_of(steps, &LoggedStep::step));
  curve.set("tokens", list_of(steps, &LoggedStep::tokens));
  curve.set("seconds", list_of(steps, &LoggedStep::seconds));
  curve.set("loss", list_of(steps, &LoggedStep::loss));
  return curve;
}

Table variant_json(const VariantFigures& variant, Curves curves) {
  Table table;
  table.set("name", {variant.name, {}});
  table.set("plugin", {variant.plugin, {}});
  table.set("plugin_version", {variant.plugin_version, {}});
  table.set("parameters", variant.parameters > 0 ? number(static_cast<std::int64_t>(variant.parameters))
                                                 : number(kNothing));
  table.set("steps", number(num_steps(variant)));
  table.set("final_loss", number(variant.final_loss));
  table.set("validation_loss", number(variant.curve.validation_loss.value_or(kNothing)));
  table.set("loss_at_equal_time", number(variant.loss_at_equal_time));
  table.set("seconds", number(own_end(variant)));
  table.set("tokens_per_second", number(variant.tokens_per_second));
  table.set("ratio", number(variant.ratio));
  table.set("startup_seconds", number(variant.curve.startup_seconds));
  table.set("peak_bytes", number(variant.peak_bytes));
  table.set("version", {variant.version, {}});
  table.set("run_folder", {variant.folder, {}});
  if (curves == Curves::include) table.set("curve", {curve_json(variant.curve.steps), {}});
  return table;
}

}  // namespace

void sum_up(SwapFigures& figures) {
  figures.equal_seconds = std::numeric_limits<double>::infinity();
  for (const VariantFigures& variant : figures.variants) {
    if (!variant.curve.steps.empty())
      figures.equal_seconds = std::min(figures.equal_seconds, own_end(variant));
  }
  for (VariantFigures& variant : figures.variants) {
    const auto& steps = variant.curve.steps;
    variant.final_loss = settled_loss(steps, std::numeric_limits<double>::infinity());
    variant.loss_at_equal_time = settled_loss(steps, figures.equal_seconds);
    variant.tokens_per_second = tokens_per_second(steps);
    variant.ratio = variant.tokens_per_second / figures.variants.front().tokens_per_second;
  }
}

std::string swap_table(const SwapFigures& figures) {
  std::vector<Row> rows{headings(figures)};
  rows.reserve(figures.variants.size() + 1);
  for (const VariantFigures& variant : figures.variants) rows.push_back(row_of(variant));
  std::vector<Column> columns(rows.front().size(), Column::numbers);
  columns[0] = columns[1] = Column::names;
  return markdown_table(rows, columns);
}

std::string swap_json(const SwapFigures& figures, Curves curves) {
  List variants;
  variants.reserve(figures.variants.size());
  for (const VariantFigures& variant : figures.variants)
    variants.push_back({variant_json(variant, curves), {}});
  Table table;
  table.set("bench", {figures.id, {}});
  table.set("varied", {figures.key, {}});
  table.set("equal_seconds", number(figures.equal_seconds));
  table.set("variants", {std::move(variants), {}});
  return json_text(table);
}

std::string swap_svg(const SwapFigures& figures) {
  std::array<Chart, 2> panels{Chart{"loss by step: " + figures.key, "step", {}},
                              Chart{"loss by own time: " + figures.key, "seconds since the first step", {}}};
  for (const VariantFigures& variant : figures.variants) {
    Series by_step{variant.name, {}}, by_time{variant.name, {}};
    for (const LoggedStep& step : variant.curve.steps) {
      by_step.points.emplace_back(static_cast<double>(step.step), step.loss);
      by_time.points.emplace_back(step.seconds, step.loss);
    }
    panels[0].series.push_back(std::move(by_step));
    panels[1].series.push_back(std::move(by_time));
  }
  return chart_svg(panels);
}

}  // namespace easylm
