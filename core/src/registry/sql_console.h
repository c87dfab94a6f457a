// SELECTs that users write themselves: they can read everything and change nothing.
#pragma once

#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "easylm/export.h"

namespace easylm {

class Database;

using SqlValue = std::variant<std::monostate, std::int64_t, double, std::string>;

struct SqlTable {
  std::vector<std::string> columns;
  std::vector<std::vector<SqlValue>> rows;
};

// Runs one SELECT. Whatever else it tries is refused before it begins. Throws Error{invalid_config} for SQL
// that isn't understood or not allowed, Error{unsupported} after `timeout_s` seconds.
SqlTable run_select(Database& database, const std::string& sql, double timeout_s);

EASYLM_API std::string sql_text(const SqlTable& table);
EASYLM_API std::string sql_json(
    const SqlTable& table);  // [{"column": value}]; blobs are texts in hexadecimal

}  // namespace easylm
