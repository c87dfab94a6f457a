// Charts: sensible marks, whole SVG.
#include "easylm/chart.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>

namespace easylm {
namespace {

TEST(Chart, MarksAreRoundNumbersWithinTheAxis) {
  EXPECT_EQ(axis_marks(0, 400, 8), (std::vector<double>{0, 50, 100, 150, 200, 250, 300, 350, 400}));
  EXPECT_EQ(axis_marks(0.9, 5.6, 7).size(), 5U);
  EXPECT_EQ(axis_marks(0.9, 5.6, 7).front(), 1);
  EXPECT_EQ(axis_marks(3, 3, 7), (std::vector<double>{3}));
  for (double high = 1e-7; high < 1e12; high *= 3.7) {
    const std::vector<double> marks = axis_marks(-high / 3, high, 7);
    EXPECT_GE(marks.size(), 3U) << high;
    EXPECT_LE(marks.size(), 15U) << high;
    EXPECT_GE(marks.front(), -high / 3 - 1e-12);
    EXPECT_LE(marks.back(), high * (1 + 1e-9));
  }
}

TEST(Chart, DrawsALineASeriesAndNamesIt) {
  Chart chart{"loss & <more>", "step", {}};
  chart.series.push_back({"a:1", {{0, 5}, {100, 3}, {200, 2}}});
  chart.series.push_back({"b:1", {{0, 4}, {100, std::nan("")}, {200, 1}}});
  const std::string svg = chart_svg(std::array{chart});
  for (const char* part :
       {"<svg ", "loss &amp; &lt;more&gt;", ">a:1<", ">b:1<", "#0072B2", "#D55E00", "</svg>", ">200<"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(svg.find("nan"), std::string::npos);
  EXPECT_EQ(svg.find("inf"), std::string::npos);
}

TEST(Chart, DrawsEvenWhatHasNoExtent) {
  for (const std::vector<std::pair<double, double>>& points :
       {std::vector<std::pair<double, double>>{}, {{5, 3}}, {{1, 0}, {2, 0}}, {{1, std::nan("")}}}) {
    const std::string svg = chart_svg(std::array{Chart{"x", "step", {{"a:1", points}}}});
    EXPECT_EQ(svg.find("nan"), std::string::npos) << svg;
    EXPECT_EQ(svg.find("inf"), std::string::npos) << svg;
  }
}

TEST(Chart, GivesEachDoublingTheSameWidth) {
  const Chart chart{"time", "tokens", {{"a", {{1000, 1}, {4000, 2}, {16000, 3}}}}, Axis::powers_of_two};
  const std::string svg = chart_svg(std::array{chart});
  for (const char* mark : {">1,024<", ">2,048<", ">4,096<", ">8,192<"}) {
    EXPECT_NE(svg.find(mark), std::string::npos) << mark;
  }
  std::vector<double> places;
  for (std::size_t at = svg.find("cx=\""); at != svg.npos; at = svg.find("cx=\"", at + 1)) {
    places.push_back(std::stod(svg.substr(at + 4)));
  }
  ASSERT_EQ(places.size(), 3U);
  EXPECT_NEAR(places[1] - places[0], places[2] - places[1], 0.11);
}

TEST(Chart, PutsPanelsBelowEachOther) {
  const std::string svg = chart_svg(
      std::array{Chart{"by step", "step", {{"a", {{0, 5}, {9, 3}}}}}, Chart{"by time", "seconds", {}}});
  for (const char* part :
       {"viewBox=\"0 0 960 1080\"", ">by step<", ">by time<", "translate(0 0)", "translate(0 540)"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
  EXPECT_EQ(svg.find("</svg>"), svg.rfind("</svg>"));
}

}  // namespace
}  // namespace easylm
