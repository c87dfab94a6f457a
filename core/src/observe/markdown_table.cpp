// Aligns cells.
#include "easylm/markdown_table.h"

#include <algorithm>
#include <string_view>

namespace easylm {
namespace {

using Row = std::vector<std::string>;

// In characters, of UTF-8.
std::size_t width_of(std::string_view text) {
  return static_cast<std::size_t>(
      std::ranges::count_if(text, [](char c) { return (static_cast<unsigned char>(c) & 0xC0U) != 0x80U; }));
}

// On one line, and no bar in it ends the cell.
std::string cell_text(const std::string& text) {
  if (text.empty()) return "-";
  std::string result;
  for (const char c : text) {
    if (c == '|') result += '\\';
    result += c == '\n' ? ' ' : c;
  }
  return result;
}

std::string line_of(const Row& row, std::span<const Column> columns, std::span<const std::size_t> widths) {
  std::string line = "|";
  for (std::size_t i = 0; i < row.size(); ++i) {
    if (widths[i] == 0) continue;
    const std::string padding(widths[i] - width_of(row[i]), ' ');
    line += columns[i] == Column::names ? " " + row[i] + padding + " |" : " " + padding + row[i] + " |";
  }
  return line + "\n";
}

}  // namespace

std::string markdown_table(std::span<const std::vector<std::string>> rows, std::span<const Column> columns) {
  std::vector<Row> cells;
  cells.reserve(rows.size() + 1);
  for (const Row& row : rows) {
    Row& own = cells.emplace_back();
    own.reserve(row.size());
    for (const std::string& text : row) own.push_back(cell_text(text));
  }
  std::vector<std::size_t> widths(columns.size(), 0);
  Row rule;
  rule.reserve(columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const bool is_used =
        std::any_of(rows.begin() + 1, rows.end(), [&](const Row& row) { return !row[i].empty(); });
    if (is_used) widths[i] = 2;  // of a rule: "-:"
    for (const Row& row : cells) {
      if (is_used) widths[i] = std::max(widths[i], width_of(row[i]));
    }
    const std::string dashes(std::max<std::size_t>(widths[i], 1) - 1, '-');
    rule.push_back(dashes + (columns[i] == Column::names ? "-" : ":"));
  }
  cells.insert(cells.begin() + 1, rule);
  std::string text;
  for (const Row& row : cells) text += line_of(row, columns, widths);
  return text;
}

}  // namespace easylm
