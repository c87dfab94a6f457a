// The table, the CSV, the JSON and the picture of a benchmark.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <set>
#include <string>

#include "easylm/chart.h"
#include "easylm/json.h"
#include "easylm/markdown_table.h"
#include "figures.h"

namespace easylm::stages {
namespace {

std::string fixed(double x, int decimals) {
  if (!std::isfinite(x)) return "";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, x);
  return text.data();
}

// Three digits at least.
std::string digits(double x) {
  if (!std::isfinite(x) || x <= 0) return fixed(x, 0);
  return fixed(x, std::clamp(2 - static_cast<int>(std::floor(std::log10(x))), 0, 6));
}

std::string exact(double x) {
  if (!std::isfinite(x)) return "";
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.9g", x);
  return text.data();
}

std::string words_of(Pass pass) { return pass == Pass::forward ? "forward" : "forward and backward"; }

std::string count_or_nothing(const Figure& figure, std::int64_t count) {
  return figure.rounds > 0 ? std::to_string(count) : "";
}

std::vector<std::string> row_of(const Figure& figure) {
  return {figure.entrant.kernel,
          figure.dtype,
          words_of(figure.pass),
          std::to_string(figure.entrant.length),
          std::to_string(figure.head_dim),
          digits(figure.seconds * 1e3),
          digits(figure.flops_per_second * 1e-9),
          std::isfinite(figure.share) ? fixed(figure.share * 100, 0) + " %" : "",
          figure.peak_bytes < 0 ? "" : digits(static_cast<double>(figure.peak_bytes) * 1e-6),
          fixed(figure.ratio, 2),
          count_or_nothing(figure, figure.rounds),
          count_or_nothing(figure, figure.disturbed),
          figure.note};
}

std::string csv_cell(const std::string& text) {
  if (text.find_first_of(",\"\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? "\"\"" : std::string(1, c);
  return quoted + "\"";
}

Value number(double x) { return {x, {}}; }

Table figure_json(const Figure& figure) {
  Table table;
  table.set("kernel", {figure.entrant.kernel, {}});
  table.set("length", {figure.entrant.length, {}});
  table.set("head_dim", {figure.head_dim, {}});
  table.set("dtype", {figure.dtype, {}});
  table.set("pass", {std::string(name_of(figure.pass)), {}});
  table.set("seconds", number(figure.seconds));
  table.set("flops_per_second", number(figure.flops_per_second));
  table.set("share_of_peak", number(figure.share));
  table.set("ratio", number(figure.ratio));
  table.set("peak_bytes", figure.peak_bytes < 0 ? number(Figure::kNothing) : Value{figure.peak_bytes, {}});
  table.set("rounds", {figure.rounds, {}});
  table.set("disturbed", {figure.disturbed, {}});
  table.set("note", {figure.note, {}});
  return table;
}

// What a line of the picture is: what all lines have in common isn't said.
std::string label_of(const Figure& figure, const std::vector<Figure>& all) {
  std::set<std::int64_t> widths;
  std::set<std::string> dtypes;
  for (const Figure& other : all) {
    widths.insert(other.head_dim);
    dtypes.insert(other.dtype);
  }
  std::string label = figure.entrant.kernel;
  if (dtypes.size() > 1) label += " " + figure.dtype;
  if (widths.size() > 1) label += " " + std::to_string(figure.head_dim);
  return label;
}

Chart chart_of(const Results& results, Pass pass, const std::string& title,
               double (*value)(const Figure& figure)) {
  Chart chart{title + ", " + words_of(pass) + " (" + results.title + ")", "tokens", {}, Axis::powers_of_two};
  for (const Figure& figure : results.figures) {
    if (figure.pass != pass || !std::isfinite(figure.seconds)) continue;
    const std::string label = label_of(figure, results.figures);
    auto series = std::ranges::find(chart.series, label, &Series::label);
    if (series == chart.series.end()) {
      chart.series.push_back({label, {}});
      series = chart.series.end() - 1;
    }
    series->points.emplace_back(static_cast<double>(figure.entrant.length), value(figure));
  }
  for (Series& series : chart.series) std::ranges::sort(series.points);
  return chart;
}

}  // namespace

std::string as_markdown(const Results& results) {
  std::vector<std::vector<std::string>> rows = {{"kernel", "dtype", "pass", "tokens", "head width",
                                                 "time (ms)", "GFLOP/s", "of peak", "peak memory (MB)",
                                                 "ratio", "rounds", "disturbed", "note"}};
  rows.reserve(results.figures.size() + 1);
  for (const Figure& figure : results.figures) rows.push_back(row_of(figure));
  std::vector<Column> columns(rows.front().size(), Column::numbers);
  columns[0] = columns[1] = columns[2] = columns.back() = Column::names;
  std::string peaks;
  for (const auto& [dtype, flops] : results.peaks) {
    peaks += (peaks.empty() ? "; peak " : ", ") + digits(flops * 1e-9) + " GFLOP/s in " + dtype;
  }
  return results.title + peaks + "\n\n" + markdown_table(rows, columns);
}

std::string as_csv(const Results& results) {
  std::string text =
      "kernel,length,head_dim,dtype,pass,seconds,flops_per_second,share_of_peak,ratio,peak_bytes,rounds,"
      "disturbed,note\n";
  for (const Figure& figure : results.figures) {
    const std::array<std::string, 13> cells = {figure.entrant.kernel,
                                               std::to_string(figure.entrant.length),
                                               std::to_string(figure.head_dim),
                                               figure.dtype,
                                               std::string(name_of(figure.pass)),
                                               exact(figure.seconds),
                                               exact(figure.flops_per_second),
                                               exact(figure.share),
                                               exact(figure.ratio),
                                               figure.peak_bytes < 0 ? "" : std::to_string(figure.peak_bytes),
                                               std::to_string(figure.rounds),
                                               std::to_string(figure.disturbed),
                                               figure.note};
    for (const std::string& cell : cells) text += (&cell == cells.data() ? "" : ",") + csv_cell(cell);
    text += "\n";
  }
  return text;
}

std::string as_json(const Results& results) {
  Table peaks;
  for (const auto& [dtype, flops] : results.peaks) peaks.set(dtype, number(flops));
  List figures;
  figures.reserve(results.figures.size());
  for (const Figure& figure : results.figures) figures.push_back({figure_json(figure), {}});
  Table table;
  table.set("title", {results.title, {}});
  table.set("peak_flops_per_second", {std::move(peaks), {}});
  table.set("figures", {std::move(figures), {}});
  return json_text(table);
}

std::string as_svg(const Results& results) {
  std::vector<Chart> charts;
  for (const Pass pass : {Pass::forward, Pass::forward_backward}) {
    if (std::ranges::find(results.figures, pass, &Figure::pass) == results.figures.end()) continue;
    charts.push_back(chart_of(results, pass, "GFLOP/s",
                              [](const Figure& figure) { return figure.flops_per_second * 1e-9; }));
    charts.push_back(chart_of(results, pass, "peak memory in MB", [](const Figure& figure) {
      return static_cast<double>(figure.peak_bytes) * 1e-6;
    }));
  }
  return chart_svg(charts);
}

}  // namespace easylm::stages
