// SQLite with errors as easylm::Error, statements that clean up after themselves, and transactions that roll
// back.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "easylm/export.h"

struct sqlite3;
struct sqlite3_stmt;

namespace easylm {

enum class DatabaseAccess {
  read_write,
  read_only,
  frozen,  // read only, and nobody can write meanwhile: needs no lock and no file beside it
};

// One prepared statement. Used by the Database's thread.
class EASYLM_API Statement {
 public:
  Statement(sqlite3* handle, sqlite3_stmt* statement, std::string file);
  ~Statement();
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  Statement(const Statement&) = delete;
  Statement& operator=(const Statement&) = delete;

  // Binds the next parameter, from the first on.
  Statement& bind(std::int64_t x);
  Statement& bind(std::string_view text);
  Statement& bind_real(double x);  // SQLite keeps no NaN: it becomes NULL
  Statement& bind_null();

  bool step();   // true: there is a row
  void run();    // to the end, then ready to be bound again
  void reset();  // ready to be bound again

  std::int64_t integer(int column) const;
  double real(int column) const;  // NULL reads as NaN
  std::string text(int column) const;
  bool is_null(int column) const;

 private:
  void check(int result) const;

  sqlite3* handle_;
  sqlite3_stmt* statement_;
  std::string file_;
  int next_parameter_ = 1;
};

class EASYLM_API Database {
 public:
  // Opens `file`; with read_write it is created if it isn't there.
  Database(const std::filesystem::path& file, DatabaseAccess access);
  // One that lives in memory.
  Database();
  ~Database();
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;

  const std::string& file() const { return file_; }

  Statement prepare(std::string_view sql);
  void execute(const std::string& sql);       // one statement or several, without results
  std::int64_t number(std::string_view sql);  // first column of the first row
  std::string text(std::string_view sql);
  std::int64_t last_row_id() const;
  // Calls `work`, but no longer than `steps` of SQLite's machine: false if it was cut short by that.
  bool within(int steps, const std::function<void()>& work);
  // Makes a function of one text known to SQL, under `name`.
  void define(const char* name, std::string (*function)(std::string_view));
  void set_busy_timeout(int timeout_ms);  // how long to wait for a lock; ten seconds at first

  // For what this class doesn't wrap; lives as long as this.
  sqlite3* handle() { return handle_; }

  // Switches to `mode` ("wal", "delete") unless it is in that mode. Waits for others.
  void set_journal_mode(const std::string& mode);

 private:
  sqlite3* handle_ = nullptr;
  std::string file_;
};

// BEGIN IMMEDIATE now, COMMIT when told to, ROLLBACK if that never happened.
class EASYLM_API Transaction {
 public:
  explicit Transaction(Database& database);
  ~Transaction();
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;

  void commit();

 private:
  Database& database_;
  bool open_ = true;
};

// Lets several reads see one state, whatever other processes write meanwhile.
class EASYLM_API ReadTransaction {
 public:
  explicit ReadTransaction(Database& database);
  ~ReadTransaction();
  ReadTransaction(const ReadTransaction&) = delete;
  ReadTransaction& operator=(const ReadTransaction&) = delete;

 private:
  Database& database_;
};

}  // namespace easylm
