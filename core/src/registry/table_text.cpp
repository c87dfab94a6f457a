// Tables and numbers for people.
#include "registry/table_text.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <string_view>

namespace easylm {
namespace {

// In characters, of UTF-8.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

}  // namespace

std::string number_text(double x) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.4g", x);
  return text.data();
}

std::string count_text(std::int64_t count) {
  std::string text = std::to_string(count);
  for (std::size_t at = text.size(); at > 3;) {
    at -= 3;
    if (text[at - 1] != '-') text.insert(at, 1, ',');
  }
  return text;
}

std::string minute_of(const std::string& time) {
  if (time.size() < 16) return time;
  return time.substr(0, 10) + " " + time.substr(11, 5);
}

std::string table_text(const std::vector<TableRow>& rows, const std::vector<bool>& to_the_right) {
  std::vector<std::size_t> widths(to_the_right.size(), 0);
  for (std::size_t column = 0; column < widths.size(); ++column) {
    bool is_used = column == 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      widths[column] = std::max(widths[column], width_of(rows[i][column]));
      is_used = is_used || (i > 0 && !rows[i][column].empty());
    }
    if (!is_used && rows.size() > 1) widths[column] = 0;
  }
  std::string text;
  for (const TableRow& row : rows) {
    std::string line;
    for (std::size_t column = 0; column < widths.size(); ++column) {
      if (widths[column] == 0) continue;
      const std::string padding(widths[column] - width_of(row[column]), ' ');
      line +=
          (line.empty() ? "" : "  ") + (to_the_right[column] ? padding + row[column] : row[column] + padding);
    }
    line.erase(line.find_last_not_of(' ') + 1);
    text += line + "\n";
  }
  return text;
}

}  // namespace easylm
