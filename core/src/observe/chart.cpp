// Draws line charts.
#include "easylm/chart.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string_view>
#include <utility>

namespace easylm {
namespace {

constexpr double kWidth = 960, kHeight = 540;
constexpr double kLeft = 64, kTop = 52, kBottom = 62, kRight = 24;
constexpr double kLegendLine = 20, kLetter = 7.2;  // pixels; a letter of the legend is about so wide
constexpr std::size_t kMostMarkers = 25;           // points of a series; if none has more, each gets a dot
constexpr std::array<std::string_view, 8> kColours = {"#0072B2", "#D55E00", "#009E73", "#CC79A7",
                                                      "#E69F00", "#56B4E9", "#000000", "#8A7F00"};

std::string number(double x, const char* format) {
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), format, x == 0 ? 0.0 : x);
  return text.data();
}

std::string pixels(double x) { return number(x, "%.1f"); }

std::string escaped(std::string_view text) {
  std::string result;
  for (const char c : text) {
    if (c == '&') {
      result += "&amp;";
    } else if (c == '<') {
      result += "&lt;";
    } else if (c == '>') {
      result += "&gt;";
    } else if (c == '"') {
      result += "&quot;";
    } else if (static_cast<unsigned char>(c) >= ' ') {
      result += c;
    }
  }
  return result;
}

// "1,500", "0.25": as many digits as tell neighbours apart.
std::string mark_text(double mark, double step) {
  const int decimals = std::clamp(static_cast<int>(-std::floor(std::log10(step) + 1e-9)), 0, 12);
  if (std::abs(mark) >= 1e9 || (mark != 0 && step < 1e-6)) return number(mark, "%.3g");
  std::array<char, 40> text{};
  std::snprintf(text.data(), text.size(), "%.*f", decimals, mark == 0 ? 0.0 : mark);
  std::string digits = text.data();
  std::size_t at = std::min(digits.find('.'), digits.size());
  for (const std::size_t first = digits[0] == '-' ? 1 : 0; at > first + 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

// Of two, by their exponents; where there is none, what lies in the middle.
std::vector<double> powers_between(double low, double high) {
  std::vector<double> powers;
  for (double exponent = std::ceil(low - 1e-9); exponent <= high + 1e-9; ++exponent) {
    powers.push_back(std::exp2(exponent));
  }
  if (powers.empty()) powers.push_back(std::round(std::exp2((low + high) / 2)));
  return powers;
}

struct Range {
  double low = std::numeric_limits<double>::infinity(), high = -low;

  void take(double x) {
    low = std::min(low, x);
    high = std::max(high, x);
  }
  // A little air, and never empty.
  void widen(double share) {
    if (!(low <= high)) *this = {0, 1};
    const double air = low == high ? std::max(std::abs(low) * 0.1, 1e-3) : (high - low) * share;
    low -= air;
    high += air;
  }
};

class Panel {
 public:
  explicit Panel(const Chart& chart) : chart_(chart) {
    std::size_t longest = 0;
    for (const Series& series : chart.series) {
      longest = std::max(longest, series.label.size());
      longest_ = std::max(longest_, series.points.size());
      for (const auto& [x, y] : series.points) {
        if (!std::isfinite(y)) continue;
        x_.take(along(x));
        y_.take(y);
      }
    }
    x_.widen(0);
    y_.widen(0.05);
    right_ = kWidth - kRight - std::clamp(48 + kLetter * static_cast<double>(longest), 90.0, 300.0);
  }

  std::string svg() {
    out_ =
        "<title>" + escaped(chart_.title) + "</title>\n<rect width=\"960\" height=\"540\" fill=\"#fff\"/>\n";
    text(kLeft, 30, chart_.title, "font-size=\"17\" font-weight=\"600\"");
    x_axis();
    y_axis();
    for (std::size_t i = 0; i < chart_.series.size(); ++i) {
      series(i);
      legend(i);
    }
    return std::move(out_);
  }

 private:
  double along(double x) const { return chart_.x_axis == Axis::linear ? x : std::log2(x); }
  double px(double x) const { return kLeft + (along(x) - x_.low) / (x_.high - x_.low) * (right_ - kLeft); }
  double py(double y) const {
    return kHeight - kBottom - (y - y_.low) / (y_.high - y_.low) * (kHeight - kBottom - kTop);
  }

  void text(double x, double y, std::string_view content, std::string_view attributes) {
    out_ += "<text x=\"" + pixels(x) + "\" y=\"" + pixels(y) + "\" ";
    out_ += std::string(attributes) + ">" + escaped(content) + "</text>\n";
  }

  void line(double x1, double y1, double x2, double y2, std::string_view attributes) {
    out_ += "<path d=\"M" + pixels(x1) + " " + pixels(y1) + "L" + pixels(x2) + " " + pixels(y2) + "\" ";
    out_ += std::string(attributes) + "/>\n";
  }

  void x_axis() {
    const double floor = kHeight - kBottom;
    std::vector<double> marks = axis_marks(x_.low, x_.high, 8);
    const double step = marks.size() > 1 && chart_.x_axis == Axis::linear ? marks[1] - marks[0] : 1;
    if (chart_.x_axis == Axis::powers_of_two) marks = powers_between(x_.low, x_.high);
    for (const double mark : marks) {
      line(px(mark), floor, px(mark), floor + 5, "stroke=\"#555\"");
      text(px(mark), floor + 21, mark_text(mark, step), "text-anchor=\"middle\"");
    }
    line(kLeft, floor, right_, floor, "stroke=\"#555\"");
    text((kLeft + right_) / 2, floor + 46, chart_.x_label, "text-anchor=\"middle\"");
  }

  void y_axis() {
    const std::vector<double> marks = axis_marks(y_.low, y_.high, 7);
    const double step = marks.size() > 1 ? marks[1] - marks[0] : 1;
    for (const double mark : marks) {
      line(kLeft, py(mark), right_, py(mark), "stroke=\"#e4e4e4\"");
      text(kLeft - 9, py(mark) + 4.5, mark_text(mark, step), "text-anchor=\"end\"");
    }
  }

  static std::string stroke(std::size_t index) {
    std::string attributes = "stroke=\"" + std::string(kColours[index % kColours.size()]) + "\"";
    if (index >= kColours.size()) attributes += " stroke-dasharray=\"7 4\"";
    return attributes;
  }

  void series(std::size_t index) {
    const Series& series = chart_.series[index];
    std::string path;
    bool pen_is_down = false;
    for (const auto& [x, y] : series.points) {
      if (std::isfinite(y)) path += (pen_is_down ? "L" : "M") + pixels(px(x)) + " " + pixels(py(y));
      pen_is_down = std::isfinite(y);
    }
    if (path.empty()) return;
    out_ += "<path d=\"" + path + "\" fill=\"none\" stroke-width=\"2\" stroke-linejoin=\"round\" " +
            stroke(index) + "/>\n";
    if (longest_ > kMostMarkers) return;
    for (const auto& [x, y] : series.points) {
      if (!std::isfinite(y)) continue;
      out_ += "<circle cx=\"" + pixels(px(x)) + "\" cy=\"" + pixels(py(y)) + "\" r=\"3\" fill=\"" +
              std::string(kColours[index % kColours.size()]) + "\"/>\n";
    }
  }

  void legend(std::size_t index) {
    const double y = kTop + 10 + kLegendLine * static_cast<double>(index);
    line(right_ + 18, y, right_ + 42, y, "stroke-width=\"3\" " + stroke(index));
    text(right_ + 50, y + 4.5, chart_.series[index].label, "");
  }

  const Chart& chart_;
  Range x_, y_;
  double right_ = kWidth;
  std::size_t longest_ = 0;  // of the series, in points
  std::string out_;
};

}  // namespace

std::vector<double> axis_marks(double low, double high, int wanted) {
  const double rough = (high - low) / std::max(1, wanted);
  if (!(rough > 0) || !std::isfinite(rough)) return {low};
  const double power = std::pow(10, std::floor(std::log10(rough)));
  double step = 10 * power;
  for (const double factor : {5.0, 2.0, 1.0}) {
    if (factor * power >= rough * 0.999) step = factor * power;
  }
  std::vector<double> marks;
  for (double k = std::ceil(low / step - 1e-9); k * step <= high + step * 1e-9; ++k)
    marks.push_back(k * step);
  return marks;
}

std::string chart_svg(std::span<const Chart> panels) {
  const double height = kHeight * static_cast<double>(panels.size());
  std::string svg =
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 960 " + number(height, "%.0f") +
      "\" width=\"960\" height=\"" + number(height, "%.0f") +
      "\" font-family=\"system-ui, 'Helvetica Neue', Arial, sans-serif\" font-size=\"13\" fill=\"#222\">\n";
  double top = 0;
  for (const Chart& panel : panels) {
    svg += "<g transform=\"translate(0 " + number(top, "%.0f") + ")\">\n" + Panel(panel).svg() + "</g>\n";
    top += kHeight;
  }
  return svg + "</svg>\n";
}

}  // namespace easylm
