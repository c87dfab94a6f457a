// The registry's file in every state that it can be in: older, newer, damaged, foreign, locked, read-only.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <fstream>

#include "easylm/error.h"
#include "platform/files.h"
#include "registry/database.h"
#include "registry/registry.h"
#include "registry/schema.h"
#include "support/child_process.h"
#include "support/temporary_folder.h"

namespace easylm {
namespace {

using testing::start_child;
using testing::succeeded;
using testing::TemporaryFolder;
using testing::wait_for;

class RegistryFile : public ::testing::Test {
 protected:
  void execute(const std::string& sql) const { Database(file_, DatabaseAccess::read_write).execute(sql); }
  void make_registry() const { Registry(folder_.path(), RegistryAccess::write); }
  void write_file(const std::string& bytes) const { std::ofstream(file_, std::ios::binary) << bytes; }

  // The message of the error that opening and listing throws; empty if it throws none.
  std::string problem(RegistryAccess access) const {
    try {
      Registry(folder_.path(), access).list();
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal) << error.message();
      EXPECT_NE(error.message().find(file_.string()), std::string::npos) << error.message();
      EXPECT_FALSE(error.hint().empty());
      return error.message();
    }
    return {};
  }

  TemporaryFolder folder_;
  std::filesystem::path file_ = folder_.path() / "registry.sqlite";
};

TEST_F(RegistryFile, AnEmptyFileBecomesARegistry) {
  write_file("");
  EXPECT_EQ(problem(RegistryAccess::read), "");
  EXPECT_EQ(Database(file_, DatabaseAccess::read_only).number("PRAGMA user_version"),
            static_cast<std::int64_t>(migrations().size()));
}

TEST_F(RegistryFile, MigratesStepByStepFromWhereItStands) {
  constexpr std::array<std::string_view, 3> kSteps = {"CREATE TABLE a(x)", "INSERT INTO a VALUES(1)",
                                                      "UPDATE a SET x = x + 1"};
  Database database(file_, DatabaseAccess::read_write);
  migrate(database, std::span(kSteps).first(2));
  EXPECT_EQ(database.number("PRAGMA user_version"), 2);
  EXPECT_EQ(database.number("SELECT x FROM a"), 1);
  migrate(database, kSteps);
  migrate(database, kSteps);
  EXPECT_EQ(database.number("PRAGMA user_version"), 3);
  EXPECT_EQ(database.number("SELECT x FROM a"), 2);
}

TEST_F(RegistryFile, AMigrationThatFailsLeavesTheSchemaBefore) {
  constexpr std::array<std::string_view, 2> kSteps = {"CREATE TABLE a(x)", "CREATE TABLE b(x); nonsense"};
  Database database(file_, DatabaseAccess::read_write);
  EXPECT_THROW(migrate(database, kSteps), Error);
  EXPECT_EQ(database.number("PRAGMA user_version"), 1);
  EXPECT_EQ(database.number("SELECT count(*) FROM sqlite_schema WHERE name = 'b'"), 0);
}

TEST_F(RegistryFile, WorkCanBeCutShort) {
  Database database;
  const auto count_to = [&](const std::string& n) {
    database.number("WITH RECURSIVE a(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM a WHERE x < " + n +
                    ") SELECT max(x) FROM a");
  };
  EXPECT_TRUE(database.within(100000, [&] { count_to("10"); }));
  EXPECT_FALSE(database.within(100000, [&] { count_to("10000000"); }));
  EXPECT_THROW(database.within(100000, [&] { database.execute("nonsense"); }), Error);
  count_to("100000");  // nothing of the limit is left
}

TEST_F(RegistryFile, RefusesANewerSchemaAndNamesBoth) {
  make_registry();
  execute("PRAGMA user_version = 99");
  for (const RegistryAccess access : {RegistryAccess::read, RegistryAccess::write}) {
    const std::string message = problem(access);
    EXPECT_NE(message.find("newer EasyLM"), std::string::npos) << message;
    EXPECT_NE(message.find("99"), std::string::npos) << message;
  }
}

TEST_F(RegistryFile, RefusesADatabaseThatIsNotARegistry) {
  execute("CREATE TABLE pictures(x)");
  for (const RegistryAccess access : {RegistryAccess::read, RegistryAccess::write}) {
    EXPECT_NE(problem(access).find("not an EasyLM registry"), std::string::npos) << problem(access);
  }
}

TEST_F(RegistryFile, RefusesAFileThatIsNotADatabase) {
  write_file(
      "this is a letter to my aunt, and it is longer than the header of a database file is in general. "
      "She lives in the country.");
  for (const RegistryAccess access : {RegistryAccess::read, RegistryAccess::write}) {
    EXPECT_NE(problem(access).find("not an SQLite database"), std::string::npos) << problem(access);
  }
}

TEST_F(RegistryFile, ReportsDamage) {
  make_registry();
  const auto size = static_cast<std::streamoff>(std::filesystem::file_size(file_));
  std::fstream file(file_, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(4096);
  for (std::streamoff i = 4096; i < size; ++i) file.put('\x55');
  file.close();
  EXPECT_NE(problem(RegistryAccess::read).find("damaged"), std::string::npos)
      << problem(RegistryAccess::read);
}

TEST_F(RegistryFile, ReportsAFolderInItsPlace) {
  std::filesystem::create_directory(file_);
  EXPECT_NE(problem(RegistryAccess::read).find("is not a file"), std::string::npos);
}

TEST_F(RegistryFile, SaysThatAnotherProcessHoldsIt) {
  make_registry();
  Database holder(file_, DatabaseAccess::read_write);
  const Transaction held(holder);
  Database other(file_, DatabaseAccess::read_write);
  other.set_busy_timeout(1);
  try {
    const Transaction refused(other);
    FAIL() << "two processes write at once";
  } catch (const Error& error) {
    EXPECT_NE(error.message().find("locked by another process"), std::string::npos) << error.message();
  }
  EXPECT_EQ(problem(RegistryAccess::read), "");  // readers aren't held up
}

// Root may write anywhere, so a child gives that up first.
bool become_ordinary_user() { return ::getuid() != 0 || ::setuid(65534) == 0; }

TEST_F(RegistryFile, CanBeReadInAFolderThatCannotBeWritten) {
  make_registry();
  ::chmod(folder_.path().c_str(), 0555);
  const pid_t child = start_child([&] {
    return become_ordinary_user() && Registry(folder_.path(), RegistryAccess::read).list().empty() &&
           problem(RegistryAccess::write).find("read-only") != std::string::npos;
  });
  EXPECT_TRUE(succeeded(wait_for(child)));
  ::chmod(folder_.path().c_str(), 0755);
}

class NetworkCalls : public SystemCalls {
 public:
  std::int64_t type_of(const char* /*path*/) override { return 0x6969; }
};

TEST_F(RegistryFile, KeepsARollbackJournalOnANetworkFileSystem) {
  NetworkCalls calls;
  FileSystem files(calls);
  Registry registry(folder_.path(), RegistryAccess::write, files);
  EXPECT_EQ(registry.journal_mode(), "delete");
  registry.begin_run({"x", "", 0, "cpu", {}});
  EXPECT_FALSE(std::filesystem::exists(file_.string() + "-wal"));
}

}  // namespace
}  // namespace easylm
