// Writes curves, reads them back along the lineage.
#include "registry/curves.h"

#include <array>
#include <boost/json.hpp>
#include <map>
#include <set>
#include <utility>

#include "platform/json_print.h"
#include "registry/database.h"
#include "registry/lineage.h"
#include "registry/table_text.h"

namespace easylm {
namespace {

namespace json = boost::json;

// The id of a curve; made if it isn't there.
std::int64_t curve_id(Database& database, const std::array<std::string, 3>& name) {
  const auto& [run, stage, metric] = name;
  database.prepare("INSERT INTO curves(run, stage, name) VALUES(?, ?, ?) ON CONFLICT DO NOTHING")
      .bind(run)
      .bind(stage)
      .bind(metric)
      .run();
  Statement row = database.prepare("SELECT id FROM curves WHERE run = ? AND stage = ? AND name = ?");
  return row.bind(run).bind(stage).bind(metric).step() ? row.integer(0) : 0;
}

// Of one run, up to `last`; what is there already wins.
void add_points(Database& database, const Relative& version, std::int64_t last,
                std::map<std::string, std::map<std::int64_t, CurvePoint>>& curves) {
  Statement rows = database.prepare(
      "SELECT name, step, tokens, value FROM curves JOIN curve_points ON curve = id "
      "WHERE run = ? AND stage = ? AND step <= ?");
  rows.bind(version.run).bind(version.stage).bind(last);
  while (rows.step()) {
    curves[rows.text(0)].emplace(rows.integer(1), CurvePoint{rows.integer(1), rows.integer(2), rows.real(3)});
  }
}

}  // namespace

void CurveBuffer::add(const std::string& run, const MetricRecord& record) {
  const std::lock_guard lock(mutex_);
  for (const Metric& metric : record.metrics) {
    const SeriesName name = {run, std::string(record.stage), std::string(metric.name)};
    const std::size_t series = series_.try_emplace(name, series_.size()).first->second;
    points_.push_back({series, {record.step, record.tokens, metric.value}});
  }
}

CurveBuffer::Points CurveBuffer::take() {
  const std::lock_guard lock(mutex_);
  Points taken{std::vector<SeriesName>(series_.size()), {}};
  taken.points.swap(points_);
  for (const auto& [name, series] : series_) taken.series[series] = name;
  return taken;
}

void CurveBuffer::put_back(const Points& points) {
  const std::lock_guard lock(mutex_);
  points_.insert(points_.begin(), points.points.begin(), points.points.end());
}

CurveBatch::~CurveBatch() { buffer_.put_back(points_); }

void CurveBatch::write(Database& database) {
  std::vector<std::int64_t> ids(points_.series.size(), 0);
  Statement row =
      database.prepare("INSERT OR REPLACE INTO curve_points(curve, step, tokens, value) VALUES(?, ?, ?, ?)");
  for (const auto& [series, point] : points_.points) {
    if (ids[series] == 0) ids[series] = curve_id(database, points_.series[series]);
    row.bind(ids[series]).bind(point.step).bind(point.tokens).bind_real(point.value).run();
  }
}

VersionCurves curves_of(Database& database, const std::string& uri) {
  std::map<std::string, std::map<std::int64_t, CurvePoint>> curves;
  std::set<std::string> seen;
  LineageReader reader(database);
  Relative version = reader.relative(uri);
  const std::string stage = version.stage;
  std::string run;
  while (version.is_known && version.stage == stage && seen.insert(version.uri).second) {
    if (version.run != run && !version.run.empty()) add_points(database, version, version.step, curves);
    run = version.run;
    if (version.parents.empty()) break;
    version = reader.relative(version.parents.front());
  }
  VersionCurves result{uri, {}};
  for (auto& [name, points] : curves) {
    Curve& curve = result.curves.emplace_back(Curve{name, {}});
    for (const auto& [step, point] : points) curve.points.push_back(point);
  }
  return result;
}

std::string curves_text(const VersionCurves& curves) {
  TableRow headings = {"STEP", "TOKENS"};
  std::map<std::int64_t, TableRow> lines;
  const std::size_t columns = curves.curves.size() + 2;
  for (std::size_t i = 0; i < curves.curves.size(); ++i) {
    headings.push_back(curves.curves[i].name);
    for (const CurvePoint& point : curves.curves[i].points) {
      TableRow& line = lines[point.step];
      line.resize(columns);
      line[0] = count_text(point.step);
      line[1] = count_text(point.tokens);
      line[i + 2] = number_text(point.value);
    }
  }
  std::vector<TableRow> rows = {headings};
  for (auto& [step, line] : lines) rows.push_back(std::move(line));
  return table_text(rows, std::vector<bool>(columns, true));
}

std::string curves_json(const VersionCurves& curves) {
  json::object metrics;
  for (const Curve& curve : curves.curves) {
    json::array points;
    for (const CurvePoint& point : curve.points) {
      points.push_back(json::object{{"step", point.step}, {"tokens", point.tokens}, {"value", point.value}});
    }
    metrics[curve.name] = std::move(points);
  }
  return printed(json::object{{"uri", curves.uri}, {"metrics", std::move(metrics)}});
}

}  // namespace easylm
