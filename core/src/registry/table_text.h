// Tables and numbers for people.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace easylm {

using TableRow = std::vector<std::string>;

// Rows of equal length, the first with headings, in aligned columns. Columns that are empty in every other
// row are left out; those marked in `to_the_right` hold numbers.
std::string table_text(const std::vector<TableRow>& rows, const std::vector<bool>& to_the_right);

std::string number_text(double x);               // four digits
std::string count_text(std::int64_t count);      // "12,345,678"
std::string minute_of(const std::string& time);  // "2026-11-24 19:26" of "2026-11-24T19:26:17.123Z"

}  // namespace easylm
