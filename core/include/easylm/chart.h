// Line charts as pictures.
#pragma once

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "easylm/export.h"

namespace easylm {

struct Series {
  std::string label;
  std::vector<std::pair<double, double>> points;  // by x; a value that isn't finite interrupts the line
};

enum class Axis { linear, powers_of_two };

struct Chart {
  std::string title;  // what is measured
  std::string x_label;
  std::vector<Series> series;
  Axis x_axis = Axis::linear;  // powers_of_two: each doubling is as wide as the next; every x is above 0
};

// Numbers at which an axis from `low` to `high` has marks: multiples of 1, 2 or 5 times a power of ten, about
// `wanted` of them, the first not below `low`, the last not above `high`.
EASYLM_API std::vector<double> axis_marks(double low, double high, int wanted);

// Charts below each other in one SVG picture that needs nothing else. Its colours can be told apart by
// colour-blind people (Okabe and Ito's, with a darker yellow); from the ninth series on lines are dashed too.
EASYLM_API std::string chart_svg(std::span<const Chart> panels);

}  // namespace easylm
