// Feeds anything to the language of queries: it may refuse, and what it takes SQLite must take.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "easylm/error.h"
#include "registry/database.h"
#include "registry/query/compiler.h"
#include "registry/query/parser.h"
#include "registry/schema.h"

namespace {

// Tables with a row in each that a query looks at.
easylm::Database& database() {
  static easylm::Database database;
  static const bool kFilled = [] {
    easylm::migrate(database, easylm::migrations());
    database.execute(
        "INSERT INTO runs VALUES('r', 'a', 'finished', '', '', '', 1, '', '', 1, NULL);"
        "INSERT INTO run_config VALUES('r', 'model.x', 3);"
        "INSERT INTO names VALUES('a', 1);"
        "INSERT INTO versions VALUES(1, 'a', 1, 'r', 'train', 5, 50, '2026-11-24T19:26:17.123Z', 10, 'p', "
        "'f', "
        "'committed', 'd');"
        "INSERT INTO metrics VALUES(1, 'loss', 1.5);"
        "INSERT INTO tags VALUES(1, 'owner', 'ana');"
        "INSERT INTO aliases VALUES('a', 'best', 1, '')");
    return true;
  }();
  if (!kFilled) std::abort();
  return database;
}

void run(const easylm::query::Sql& sql, const std::string& text) {
  easylm::Statement statement = database().prepare(text);
  sql.bind(statement);
  statement.run();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view source(reinterpret_cast<const char*>(data), size);
  try {
    const auto query = easylm::query::parse_query(source);
    const auto sql = easylm::query::compile(query);
    run(sql, sql.text);
    if (const auto walk = easylm::query::compile_walk(query)) run(*walk, walk->text);
  } catch (const easylm::Error& error) {
    if (error.code() != easylm::ErrorCode::invalid_config) std::abort();
  }
  try {
    const auto sql = easylm::query::compile(easylm::query::parse_condition(source));
    run(sql, "SELECT " + sql.text + " FROM versions v");
  } catch (const easylm::Error& error) {
    if (error.code() != easylm::ErrorCode::invalid_config) std::abort();
  }
  return 0;
}
