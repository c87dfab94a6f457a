// The table, the JSON and the picture of a comparison.
#include "swap/report.h"

#include <gtest/gtest.h>

#include <cmath>

#include "easylm/json.h"

namespace easylm {
namespace {

VariantFigures variant(const std::string& name, double step_seconds, double drop) {
  VariantFigures figures;
  figures.name = name;
  figures.plugin = "easylm-" + name;
  figures.plugin_version = "0.1.0";
  figures.curve.startup_seconds = 1.25;
  for (int i = 0; i <= 100; ++i) {
    figures.curve.steps.push_back({i + 1, i * 1000, i * step_seconds, 5 - i * drop});
  }
  figures.peak_bytes = 150'000'000;
  return figures;
}

SwapFigures two() {
  SwapFigures figures{"tiny-20261128T201407Z", "optimizer", 0, {}};
  figures.variants = {variant("adamw", 0.1, 0.01), variant("palm", 0.2, 0.02)};
  sum_up(figures);
  return figures;
}

TEST(SwapFigures, CompareAtTheTimeWhenTheFastestIsDone) {
  const SwapFigures figures = two();
  EXPECT_NEAR(figures.equal_seconds, 10, 1e-9);
  EXPECT_NEAR(figures.variants[0].final_loss, 4.045, 1e-9);
  EXPECT_NEAR(figures.variants[0].loss_at_equal_time, 4.045, 1e-9);
  EXPECT_NEAR(figures.variants[1].final_loss, 3.09, 1e-9);
  EXPECT_NEAR(figures.variants[1].loss_at_equal_time, 4.04, 1e-9);  // of the first half: steps 47 to 51
  EXPECT_NEAR(figures.variants[1].ratio, 0.5, 1e-9);
}

TEST(SwapTable, IsMarkdownWithoutColumnsThatNobodyFills) {
  EXPECT_EQ(
      swap_table(two()),
      "| optimizer | plugin             | steps | final loss | loss at 10.0 s | own time (s) | tokens/s | "
      "ratio | start-up (s) | peak memory |\n"
      "| --------- | ------------------ | ----: | ---------: | -------------: | -----------: | -------: | "
      "----: | -----------: | ----------: |\n"
      "| adamw     | easylm-adamw 0.1.0 |   101 |     4.0450 |         4.0450 |         10.0 |    10.0k | "
      " 1.00 |          1.2 |    150.0 MB |\n"
      "| palm      | easylm-palm 0.1.0  |   101 |     3.0900 |         4.0400 |         20.0 |    5.00k | "
      " 0.50 |          1.2 |    150.0 MB |\n");
}

TEST(SwapTable, MarksWhatOneVariantLacks) {
  SwapFigures figures = two();
  figures.variants[0].curve.validation_loss = 4.5;
  const std::string table = swap_table(figures);
  EXPECT_NE(table.find("|          4.5000 |"), std::string::npos) << table;
  EXPECT_NE(table.find("|               - |"), std::string::npos) << table;
}

TEST(SwapTable, BearsARunThatLoggedNothing) {
  SwapFigures figures = two();
  figures.variants[1].curve.steps.clear();
  sum_up(figures);
  EXPECT_NEAR(figures.equal_seconds, 10, 1e-9);
  EXPECT_EQ(swap_table(figures).find("nan"), std::string::npos);
  EXPECT_EQ(swap_svg(figures).find("nan"), std::string::npos);
}

TEST(SwapJson, SaysTheSameAndTheCurvesIfAsked) {
  const Table plain = parse_json_object(swap_json(two(), Curves::leave_out), "test");
  EXPECT_EQ(*plain.find("bench")->as<std::string>(), "tiny-20261128T201407Z");
  const Table& first = *plain.find("variants")->as<List>()->front().as<Table>();
  EXPECT_EQ(*first.find("name")->as<std::string>(), "adamw");
  EXPECT_EQ(first.find("parameters"), nullptr) << "unknown is null";
  EXPECT_EQ(first.find("curve"), nullptr);
  const Table whole = parse_json_object(swap_json(two(), Curves::include), "test");
  const Table& curve = *whole.find("variants")->as<List>()->front().as<Table>()->find("curve")->as<Table>();
  EXPECT_EQ(curve.find("loss")->as<List>()->size(), 101U);
}

TEST(SwapSvg, HasBothPanelsWithALineAVariant) {
  const std::string svg = swap_svg(two());
  std::size_t lines = 0;
  for (std::size_t at = svg.find("stroke-linejoin"); at != std::string::npos;
       at = svg.find("stroke-linejoin", at + 1)) {
    ++lines;
  }
  EXPECT_EQ(lines, 4U);
  for (const char* part :
       {">loss by step: optimizer<", ">loss by own time: optimizer<", ">adamw<", ">palm<"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
}

}  // namespace
}  // namespace easylm
