// Runs SELECTs behind SQLite's authorizer, against the clock.
#include "registry/sql_console.h"

#include <sqlite3.h>

#include <array>
#include <boost/json.hpp>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string_view>

#include "easylm/error.h"
#include "platform/json_print.h"
#include "registry/database.h"
#include "registry/table_text.h"

namespace easylm {
namespace {

namespace json = boost::json;
using Clock = std::chrono::steady_clock;

constexpr int kStepsBetweenLooks = 10000;  // of SQLite's virtual machine, at the clock
constexpr int kMostBytes = 64 << 20;       // of one value

int allow_reading(void* was_refused, int action, const char* /*a*/, const char* function, const char* /*c*/,
                  const char* /*d*/) {
  const bool loads_code = function != nullptr && std::string_view(function) == "load_extension";
  const bool reads = action == SQLITE_SELECT || action == SQLITE_READ || action == SQLITE_RECURSIVE ||
                     (action == SQLITE_FUNCTION && !loads_code);
  if (!reads) *static_cast<bool*>(was_refused) = true;
  return reads ? SQLITE_OK : SQLITE_DENY;
}

int is_late(void* deadline) { return Clock::now() > *static_cast<Clock::time_point*>(deadline) ? 1 : 0; }

// The connection is as before when it ends.
class Restrained {
 public:
  Restrained(sqlite3* handle, double timeout_s) : handle_(handle), timeout_s_(timeout_s) {
    deadline_ =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(timeout_s));
    length_ = sqlite3_limit(handle_, SQLITE_LIMIT_LENGTH, kMostBytes);
    sqlite3_set_authorizer(handle_, allow_reading, &was_refused_);
    sqlite3_progress_handler(handle_, kStepsBetweenLooks, is_late, &deadline_);
  }
  ~Restrained() {
    sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
    sqlite3_set_authorizer(handle_, nullptr, nullptr);
    sqlite3_limit(handle_, SQLITE_LIMIT_LENGTH, length_);
  }
  Restrained(const Restrained&) = delete;
  Restrained& operator=(const Restrained&) = delete;

  bool was_refused() const { return was_refused_; }
  double timeout_s() const { return timeout_s_; }

 private:
  sqlite3* handle_;
  double timeout_s_;
  Clock::time_point deadline_;
  int length_ = 0;
  bool was_refused_ = false;
};

struct Finalize {
  void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
};
using RawStatement = std::unique_ptr<sqlite3_stmt, Finalize>;

[[noreturn]] void fail(sqlite3* handle, int result, const Restrained& restrained) {
  if (restrained.was_refused()) {
    throw Error(ErrorCode::invalid_config, "this SQL is not allowed: only SELECT is, which changes nothing",
                "the registry is changed by its own verbs: easylm registry --help lists them");
  }
  constexpr const char* kTables = "docs/registry.md shows the tables and their columns";
  switch (result & 0xFF) {
    case SQLITE_INTERRUPT:
      throw Error(ErrorCode::unsupported,
                  "the SQL was stopped after " + number_text(restrained.timeout_s()) + " s, its time limit",
                  "narrow it down with WHERE and LIMIT, or give it longer: --timeout SECONDS");
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorCode::io, "the registry is locked by another process", "try again when it is done");
    default:
      throw Error(ErrorCode::invalid_config, std::string("the SQL can't be run: ") + sqlite3_errmsg(handle),
                  kTables);
  }
}

RawStatement prepare(sqlite3* handle, const std::string& sql, const Restrained& restrained) {
  sqlite3_stmt* statement = nullptr;
  const char* rest = nullptr;
  const int result =
      sqlite3_prepare_v2(handle, sql.c_str(), static_cast<int>(sql.size() + 1), &statement, &rest);
  RawStatement owned(statement);
  if (result != SQLITE_OK) fail(handle, result, restrained);
  const std::string_view after = rest;
  if (!owned || after.find_first_not_of(" \t\r\n;") != std::string_view::npos) {
    throw Error(ErrorCode::invalid_config, "one SELECT is run, no more and no less",
                "write one statement; a comment may not follow it");
  }
  return owned;
}

SqlValue value_of(sqlite3_stmt* row, int column) {
  switch (sqlite3_column_type(row, column)) {
    case SQLITE_INTEGER:
      return std::int64_t{sqlite3_column_int64(row, column)};
    case SQLITE_FLOAT:
      return sqlite3_column_double(row, column);
    case SQLITE_TEXT: {
      const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(row, column));
      return std::string(text, static_cast<std::size_t>(sqlite3_column_bytes(row, column)));
    }
    case SQLITE_BLOB: {
      const auto* bytes = static_cast<const unsigned char*>(sqlite3_column_blob(row, column));
      std::string digits;
      for (int i = 0; i < sqlite3_column_bytes(row, column); ++i) {
        std::array<char, 3> pair{};
        std::snprintf(pair.data(), pair.size(), "%02x", bytes[i]);
        digits += pair.data();
      }
      return digits;
    }
    default:
      return {};
  }
}

std::string cell_text(const SqlValue& value) {
  if (const auto* integer = std::get_if<std::int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) {
    std::array<char, 32> digits{};
    std::snprintf(digits.data(), digits.size(), "%.10g", *real);
    return digits.data();
  }
  const auto* text = std::get_if<std::string>(&value);
  if (text == nullptr) return {};
  std::string line = *text;
  for (char& c : line) {
    if (static_cast<unsigned char>(c) < ' ') c = ' ';
  }
  return line;
}

}  // namespace

SqlTable run_select(Database& database, const std::string& sql, double timeout_s) {
  sqlite3* handle = database.handle();
  const Restrained restrained(handle, timeout_s);
  const RawStatement statement = prepare(handle, sql, restrained);
  const int count = sqlite3_column_count(statement.get());
  SqlTable table;
  for (int i = 0; i < count; ++i) table.columns.emplace_back(sqlite3_column_name(statement.get(), i));
  for (;;) {
    const int result = sqlite3_step(statement.get());
    if (result == SQLITE_DONE) return table;
    if (result != SQLITE_ROW) fail(handle, result, restrained);
    std::vector<SqlValue> row;
    row.reserve(table.columns.size());
    for (int i = 0; i < count; ++i) row.push_back(value_of(statement.get(), i));
    table.rows.push_back(std::move(row));
  }
}

std::string sql_text(const SqlTable& table) {
  std::vector<TableRow> rows = {table.columns};
  std::vector<bool> to_the_right(table.columns.size(), !table.rows.empty());
  for (const auto& row : table.rows) {
    TableRow& cells = rows.emplace_back();
    for (std::size_t i = 0; i < row.size(); ++i) {
      cells.push_back(cell_text(row[i]));
      if (std::holds_alternative<std::string>(row[i])) to_the_right[i] = false;
    }
  }
  return table_text(rows, to_the_right);
}

std::string sql_json(const SqlTable& table) {
  json::array rows;
  for (const auto& row : table.rows) {
    json::object object;
    for (std::size_t i = 0; i < row.size(); ++i) {
      json::value held;
      std::visit(
          [&](const auto& x) {
            if constexpr (!std::is_same_v<std::decay_t<decltype(x)>, std::monostate>) held = x;
          },
          row[i]);
      object[table.columns[i]] = std::move(held);
    }
    rows.push_back(std::move(object));
  }
  return printed(rows);
}

}  // namespace easylm
