// Tables for people, as Markdown.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "easylm/export.h"

namespace easylm {

enum class Column { names, numbers };  // names stand on the left of their cells, numbers on the right

// The first row has the headings; every row has one cell a column. Aligned for terminals. Columns that are
// empty in every other row are left out; what else is empty becomes "-". [any-thread]
EASYLM_API std::string markdown_table(std::span<const std::vector<std::string>> rows,
                                      std::span<const Column> columns);

}  // namespace easylm
