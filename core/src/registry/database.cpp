// SQLite, wrapped.
#include "registry/database.h"

#include <sqlite3.h>

#include <chrono>
#include <exception>
#include <limits>
#include <thread>
#include <utility>

#include "easylm/error.h"
#include "platform/process.h"

namespace easylm {
namespace {

constexpr std::chrono::milliseconds kBusyTimeout{10000};

// In write-ahead mode the locks are on the shared memory beside the file.
std::string holder_of(const std::string& file) {
  std::string holder = writer_of(file + "-shm");
  if (holder.empty()) holder = writer_of(file);
  return holder.empty() ? "another process" : holder;
}

// Our own statements fit our own tables: where one doesn't, the file is not as we left it.
bool tells_of_damage(std::string_view reason) {
  return reason.starts_with("no such table") || reason.starts_with("no such column") ||
         reason.starts_with("foreign key mismatch") ||
         reason.find("has no column named") != std::string_view::npos || reason.ends_with("already exists") ||
         reason == "unsupported file format" || reason.starts_with("CHECK constraint failed");
}

// One clear sentence for each way in which a registry can't be used.
[[noreturn]] void fail(sqlite3* handle, int result, const std::string& file) {
  const std::string whole = handle != nullptr ? sqlite3_errmsg(handle) : sqlite3_errstr(result);
  const std::string reason = whole.substr(0, whole.find('\n'));  // a damaged schema is quoted in full
  switch (result & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      throw Error(ErrorCode::io, "the registry " + file + " is locked by " + holder_of(file),
                  "wait until that process is done, or end it");
    case SQLITE_READONLY:
      throw Error(ErrorCode::io, "the registry " + file + " can't be written: it is read-only",
                  "check owner and permissions of the file and its folder, or choose another --home");
    case SQLITE_NOTADB:
      throw Error(ErrorCode::corrupt, "the registry " + file + " is not an SQLite database",
                  "restore it from a backup, or move it away to start an empty one");
    case SQLITE_CORRUPT:
      throw Error(ErrorCode::corrupt, "the registry " + file + " is damaged: " + reason,
                  "restore it from a backup, or save what is left with sqlite3's .recover");
    case SQLITE_FULL:
      throw Error(ErrorCode::io, "the registry " + file + " can't grow: the disk is full", "free some space");
    case SQLITE_CANTOPEN:
      throw Error(ErrorCode::io, "the registry " + file + " can't be opened: " + reason,
                  "check that the path is right and may be read, with its folder");
    case SQLITE_IOERR:
      throw Error(ErrorCode::io, "the registry " + file + " can't be read or written: " + reason,
                  "the disk reports an error: check the system's log");
    default:
      if (tells_of_damage(reason)) {
        throw Error(ErrorCode::corrupt, "the registry " + file + " is damaged: " + reason,
                    "restore it from a backup, or save what is left with sqlite3's .recover");
      }
      throw Error(ErrorCode::internal, "the registry " + file + " refused a statement: " + reason,
                  "this is a mistake in EasyLM, please report it");
  }
}

void roll_back(Database& database) noexcept {
  try {
    database.execute("ROLLBACK");
  } catch (const Error&) {
    // SQLite has rolled back by itself after some errors (a full disk); then there is nothing to undo.
  }
}

// SQLite's URI of a file that can't change; what would end the path in a URI is escaped.
std::string frozen_uri(const std::string& file) {
  std::string uri = "file:";
  for (const char c : file) {
    if (c == '%') {
      uri += "%25";
    } else if (c == '?') {
      uri += "%3f";
    } else if (c == '#') {
      uri += "%23";
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

Statement::Statement(sqlite3* handle, sqlite3_stmt* statement, std::string file)
    : handle_(handle), statement_(statement), file_(std::move(file)) {}

Statement::Statement(Statement&& other) noexcept
    : handle_(other.handle_),
      statement_(std::exchange(other.statement_, nullptr)),
      file_(std::move(other.file_)),
      next_parameter_(other.next_parameter_) {}

Statement::~Statement() { sqlite3_finalize(statement_); }

void Statement::check(int result) const {
  if (result != SQLITE_OK) fail(handle_, result, file_);
}

Statement& Statement::bind(std::int64_t x) {
  check(sqlite3_bind_int64(statement_, next_parameter_++, x));
  return *this;
}

Statement& Statement::bind(std::string_view text) {
  check(sqlite3_bind_text64(statement_, next_parameter_++, text.data() == nullptr ? "" : text.data(),
                            text.size(), SQLITE_TRANSIENT, SQLITE_UTF8));
  return *this;
}

Statement& Statement::bind_real(double x) {
  check(sqlite3_bind_double(statement_, next_parameter_++, x));
  return *this;
}

Statement& Statement::bind_null() {
  check(sqlite3_bind_null(statement_, next_parameter_++));
  return *this;
}

bool Statement::step() {
  const int result = sqlite3_step(statement_);
  if (result == SQLITE_ROW) return true;
  if (result != SQLITE_DONE) fail(handle_, result, file_);
  return false;
}

void Statement::run() {
  while (step()) {
  }
  reset();
}

void Statement::reset() {
  check(sqlite3_reset(statement_));
  next_parameter_ = 1;
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(statement_, column); }

double Statement::real(int column) const {
  if (is_null(column)) return std::numeric_limits<double>::quiet_NaN();
  return sqlite3_column_double(statement_, column);
}

std::string Statement::text(int column) const {
  const auto* text = reinterpret_cast<const char*>(sqlite3_column_text(statement_, column));
  if (text == nullptr) return {};
  return {text, static_cast<std::size_t>(sqlite3_column_bytes(statement_, column))};
}

bool Statement::is_null(int column) const { return sqlite3_column_type(statement_, column) == SQLITE_NULL; }

Database::Database(const std::filesystem::path& file, DatabaseAccess access) : file_(file.string()) {
  const int flags = access == DatabaseAccess::read_write
                        ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                        : SQLITE_OPEN_READONLY | (access == DatabaseAccess::frozen ? SQLITE_OPEN_URI : 0);
  const std::string name = access == DatabaseAccess::frozen ? frozen_uri(file_) : file_;
  const int result = sqlite3_open_v2(name.c_str(), &handle_, flags, nullptr);
  try {
    if (result != SQLITE_OK) fail(handle_, result, file_);
    sqlite3_extended_result_codes(handle_, 1);
    sqlite3_busy_timeout(handle_, static_cast<int>(kBusyTimeout.count()));
    execute("PRAGMA foreign_keys = ON; PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF");
  } catch (...) {
    sqlite3_close(handle_);
    throw;
  }
}

Database::Database() : Database(":memory:", DatabaseAccess::read_write) {}
Database::~Database() { sqlite3_close(handle_); }

Statement Database::prepare(std::string_view sql) {
  sqlite3_stmt* statement = nullptr;
  const int result =
      sqlite3_prepare_v2(handle_, sql.data(), static_cast<int>(sql.size()), &statement, nullptr);
  if (result != SQLITE_OK) fail(handle_, result, file_);
  return {handle_, statement, file_};
}

void Database::execute(const std::string& sql) {
  const int result = sqlite3_exec(handle_, sql.c_str(), nullptr, nullptr, nullptr);
  if (result != SQLITE_OK) fail(handle_, result, file_);
}

std::int64_t Database::number(std::string_view sql) {
  Statement statement = prepare(sql);
  return statement.step() ? statement.integer(0) : 0;
}

std::string Database::text(std::string_view sql) {
  Statement statement = prepare(sql);
  return statement.step() ? statement.text(0) : std::string();
}

bool Database::within(int steps, const std::function<void()>& work) {
  bool cut = false;
  const auto stop = [](void* flag) {
    *static_cast<bool*>(flag) = true;
    return 1;
  };
  sqlite3_progress_handler(handle_, steps, stop, &cut);
  try {
    work();
  } catch (const Error&) {
    sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
    if (!cut) throw;
    return false;
  }
  sqlite3_progress_handler(handle_, 0, nullptr, nullptr);
  return true;
}

void Database::define(const char* name, std::string (*function)(std::string_view)) {
  struct Defined {
    std::string (*function)(std::string_view);
  };
  const auto call = [](sqlite3_context* context, int /*count*/, sqlite3_value** arguments) {
    const auto* defined = static_cast<const Defined*>(sqlite3_user_data(context));
    const auto* text = reinterpret_cast<const char*>(sqlite3_value_text(arguments[0]));
    try {
      const std::string result = defined->function(text == nullptr ? "" : text);
      sqlite3_result_text64(context, result.data(), result.size(), SQLITE_TRANSIENT, SQLITE_UTF8);
    } catch (const std::exception& error) {
      sqlite3_result_error(context, error.what(), -1);
    }
  };
  const auto destroy = [](void* defined) { delete static_cast<Defined*>(defined); };
  const int result = sqlite3_create_function_v2(handle_, name, 1, SQLITE_UTF8 | SQLITE_DETERMINISTIC,
                                                new Defined{function}, call, nullptr, nullptr, destroy);
  if (result != SQLITE_OK) fail(handle_, result, file_);
}

void Database::set_busy_timeout(int timeout_ms) { sqlite3_busy_timeout(handle_, timeout_ms); }

std::int64_t Database::last_row_id() const { return sqlite3_last_insert_rowid(handle_); }

void Database::set_journal_mode(const std::string& mode) {
  // The switch needs the file for itself, and SQLite's busy handler doesn't wait for that.
  const auto deadline = std::chrono::steady_clock::now() + kBusyTimeout;
  for (;;) {
    if (text("PRAGMA journal_mode") == mode) return;
    const int result =
        sqlite3_exec(handle_, ("PRAGMA journal_mode = " + mode).c_str(), nullptr, nullptr, nullptr);
    if (result != SQLITE_OK && (result & 0xFF) != SQLITE_BUSY) fail(handle_, result, file_);
    if (result == SQLITE_OK && text("PRAGMA journal_mode") == mode) return;
    if (std::chrono::steady_clock::now() > deadline) fail(nullptr, SQLITE_BUSY, file_);
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
}

Transaction::Transaction(Database& database) : database_(database) { database_.execute("BEGIN IMMEDIATE"); }

Transaction::~Transaction() {
  if (open_) roll_back(database_);
}

void Transaction::commit() {
  database_.execute("COMMIT");
  open_ = false;
}

ReadTransaction::ReadTransaction(Database& database) : database_(database) { database_.execute("BEGIN"); }
ReadTransaction::~ReadTransaction() { roll_back(database_); }

}  // namespace easylm
