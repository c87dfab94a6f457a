// Picks one metric of several versions.
#include "registry/plot.h"

#include <algorithm>
#include <utility>

#include "config/did_you_mean.h"
#include "easylm/error.h"

namespace easylm {

Chart chart_of(std::span<const VersionCurves> versions, const std::string& metric) {
  Chart chart{metric, "step", {}};
  for (const VersionCurves& version : versions) {
    const auto curve = std::ranges::find(version.curves, metric, &Curve::name);
    if (curve == version.curves.end()) {
      std::vector<std::string> names;
      for (const Curve& known : version.curves) names.push_back(known.name);
      throw Error(
          ErrorCode::not_found, version.uri + " has no curve of '" + metric + "'",
          names.empty() ? "no metrics were recorded on the way to it" : suggestion(metric, names, "it has"));
    }
    Series series{version.uri, {}};
    for (const CurvePoint& point : curve->points) {
      series.points.emplace_back(static_cast<double>(point.step), point.value);
    }
    chart.series.push_back(std::move(series));
  }
  return chart;
}

}  // namespace easylm
