// What was measured step by step: recorded while a run goes, and followed back over the runs that went on
// from each other.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "easylm/tracker.h"

namespace easylm {

class Database;

struct CurvePoint {
  std::int64_t step = 0;
  std::int64_t tokens = 0;
  double value = 0;  // NaN if it was none
};

struct Curve {
  std::string name;
  std::vector<CurvePoint> points;  // by step
};

// The way to one version.
struct VersionCurves {
  std::string uri;
  std::vector<Curve> curves;  // by name
};

// Keeps points until there is a transaction for them, so that a training step never waits for the disk.
// [any-thread]
class CurveBuffer {
 public:
  using SeriesName = std::array<std::string, 3>;  // run, stage, metric
  struct Point {
    std::size_t series = 0;
    CurvePoint point;
  };
  struct Points {
    std::vector<SeriesName> series;
    std::vector<Point> points;
  };

  void add(const std::string& run, const MetricRecord& record);
  Points take();
  void put_back(const Points& points);

 private:
  std::mutex mutex_;
  std::map<SeriesName, std::size_t> series_;
  std::vector<Point> points_;
};

// What is in the buffer, for one transaction: it is put back unless that is committed.
class CurveBatch {
 public:
  explicit CurveBatch(CurveBuffer& buffer) : buffer_(buffer), points_(buffer.take()) {}
  ~CurveBatch();
  CurveBatch(const CurveBatch&) = delete;
  CurveBatch& operator=(const CurveBatch&) = delete;

  bool empty() const { return points_.points.empty(); }
  void write(Database& database);  // inside a transaction
  void committed() { points_.points.clear(); }

 private:
  CurveBuffer& buffer_;
  CurveBuffer::Points points_;
};

// Inside a ReadTransaction. Every step once: an earlier run counts up to the step of the version that was
// gone on from.
VersionCurves curves_of(Database& database, const std::string& uri);

// A line a step, a column a metric.
EASYLM_API std::string curves_text(const VersionCurves& curves);
// {"uri", "metrics": {"loss": [{"step", "tokens", "value"}]}}
EASYLM_API std::string curves_json(const VersionCurves& curves);

}  // namespace easylm
