// Tables as Markdown.
#include "easylm/markdown_table.h"

#include <gtest/gtest.h>

#include <array>

namespace easylm {
namespace {

using Rows = std::vector<std::vector<std::string>>;

constexpr std::array<Column, 3> kColumns = {Column::names, Column::numbers, Column::numbers};

TEST(MarkdownTable, AlignsNamesLeftAndNumbersRightByCharacters) {
  const Rows rows = {{"name", "µs", "n"}, {"a", "12.5", "1"}, {"größer", "3", "20"}};
  EXPECT_EQ(markdown_table(rows, kColumns),
            "| name   |   µs |  n |\n"
            "| ------ | ---: | -: |\n"
            "| a      | 12.5 |  1 |\n"
            "| größer |    3 | 20 |\n");
}

TEST(MarkdownTable, LeavesOutColumnsThatNoRowFillsAndMarksOtherGaps) {
  const Rows rows = {{"name", "x", "y"}, {"a", "", ""}, {"b", "", "7"}};
  EXPECT_EQ(markdown_table(rows, kColumns), "| name |  y |\n| ---- | -: |\n| a    |  - |\n| b    |  7 |\n");
}

TEST(MarkdownTable, KeepsACellInItsCell) {
  const Rows rows = {{"name", "x", "y"}, {"a|b\nc", "1", "2"}};
  EXPECT_NE(markdown_table(rows, kColumns).find("| a\\|b c |"), std::string::npos);
}

}  // namespace
}  // namespace easylm
