// kill -9 during saving, retention, gc and migration: nothing registered is damaged, nothing acknowledged
// lost.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <random>
#include <span>
#include <thread>

#include "checkpoint/measure.h"
#include "checkpoint/removal.h"
#include "checkpoint/store_fixture.h"
#include "registry/database.h"
#include "registry/schema.h"
#include "reliability/checker.h"
#include "support/child_process.h"
#include "support/long_form.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;
using testing::broken_promises;
using testing::fill_version;
using testing::short_or_long;
using testing::start_child;
using testing::StoreTest;
using testing::wait_for;

using KillTest = StoreTest;

constexpr std::array<std::string_view, 0> kNone = {};

// Saves until it is killed; says through the pipe which versions were acknowledged.
[[noreturn]] void save_for_ever(const fs::path& home, CheckpointStoreOptions options, int acknowledge) {
  FileSystem files;
  Registry registry(home, RegistryAccess::write);
  CheckpointStore store(std::move(options), registry, files);
  for (std::int64_t step = 1;; ++step) {
    const std::string uri =
        store.save({.step = step}, [&](const fs::path& folder) { fill_version(folder, step); }).uri + "\n";
    if (::write(acknowledge, uri.data(), uri.size()) < 0) ::_exit(1);
  }
}

[[noreturn]] void collect_for_ever(const fs::path& home, const std::string& name) {
  FileSystem files;
  Registry registry(home, RegistryAccess::write);
  GarbageOptions options;
  for (int round = 0;; ++round) {
    const std::vector<std::string> names = registry.names();
    const bool has_versions = std::ranges::find(names, name) != names.end();
    options.keep_name = round % 2 == 0 && has_versions ? name : "";
    options.keep_last = 2;
    collect_garbage(options, registry, files);
  }
}

std::vector<std::string> lines_of(int fd) {
  std::vector<std::string> lines(1);
  char c = 0;
  while (::read(fd, &c, 1) == 1) {
    if (c == '\n') {
      lines.emplace_back();
    } else {
      lines.back() += c;
    }
  }
  lines.pop_back();
  return lines;
}

void kill_after(const std::vector<pid_t>& children, std::chrono::milliseconds time) {
  std::this_thread::sleep_for(time);
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) {
    const int status = wait_for(child);
    EXPECT_TRUE(WIFSIGNALED(status)) << "a child ended by itself, with status " << status;
  }
}

TEST_F(KillTest, DuringSavingRetentionAndGcNothingIsLostOrDamaged) {
  std::mt19937 random(7);
  std::int64_t last_acknowledged = 0;
  std::size_t acknowledged = 0;
  const auto rounds = static_cast<unsigned>(short_or_long(12, 200));
  // On a slow machine it takes longer, and more rounds, until enough of them get to save something.
  for (unsigned round = 0; round < rounds || acknowledged <= 10; ++round) {
    ASSERT_LT(round, rounds + 200) << "hardly a save was acknowledged";
    std::array<int, 2> pipe{};
    ASSERT_EQ(::pipe2(pipe.data(), O_CLOEXEC), 0);
    const pid_t saver = start_child(
        [&]() -> bool { save_for_ever(home_, options({.retention = {.keep_last = 3}}), pipe[1]); });
    ::close(pipe[1]);
    std::vector<pid_t> children = {saver};
    if (round % 2 == 1)
      children.push_back(start_child([&]() -> bool { collect_for_ever(home_, "shakespeare"); }));
    kill_after(children, std::chrono::milliseconds(20 + random() % (150 + 10 * (round % 16))));
    for (const std::string& uri : lines_of(pipe[0])) {
      last_acknowledged = parse_reference(uri).number;
      ++acknowledged;
    }
    ::close(pipe[0]);
    ASSERT_EQ(broken_promises(home_, last_acknowledged), (std::vector<std::string>{})) << "round " << round;
  }
  CheckpointStore next(options(), registry_, files_);
  save(next, 1000);
  EXPECT_EQ(entries().size(), registry_.list().size());
}

// The same with the moment chosen: at each call that the file layer makes in a save.
class DeadlyCalls : public SystemCalls {
 public:
  explicit DeadlyCalls(int left) : left_(left) {}
  int open(const char* p, int f, unsigned m) override { return count(), SystemCalls::open(p, f, m); }
  ssize_t write(int d, const void* b, std::size_t n) override { return count(), SystemCalls::write(d, b, n); }
  int fsync(int d) override { return count(), SystemCalls::fsync(d); }
  int mkdir(const char* p, unsigned m) override { return count(), SystemCalls::mkdir(p, m); }
  int rename(const char* a, const char* b) override { return count(), SystemCalls::rename(a, b); }
  int unlink(const char* p) override { return count(), SystemCalls::unlink(p); }
  int rmdir(const char* p) override { return count(), SystemCalls::rmdir(p); }

 private:
  void count() {
    if (left_-- == 0) ::kill(::getpid(), SIGKILL);
  }
  int left_;
};

TEST_F(KillTest, AtEachCallOfASaveTheVersionsAreWholeAndTheNextRunStarts) {
  CheckpointStore first(options({.retention = {.keep_last = 2}}), registry_, files_);
  for (std::int64_t step = 1; step <= 3; ++step) save(first, step);
  const int stride = short_or_long(5, 1);
  int killed = 0;
  for (int call = 0;; call += stride) {
    const pid_t child = start_child([&] {
      DeadlyCalls calls(call);
      FileSystem files(calls);
      Registry registry(home_, RegistryAccess::write);
      CheckpointStore store(options({.retention = {.keep_last = 2}}), registry, files);
      save(store, call + 10);
      return true;
    });
    const int status = wait_for(child);
    ASSERT_EQ(broken_promises(home_, 3), (std::vector<std::string>{})) << "call " << call;
    if (testing::succeeded(status)) break;
    ASSERT_TRUE(WIFSIGNALED(status)) << status;
    ++killed;
    ASSERT_LT(call, 1000);
  }
  EXPECT_GT(killed, 20 / stride);
  CheckpointStore next(options({.retention = {.keep_last = 2}}), registry_, files_);
  save(next, 1000);
  EXPECT_EQ(entries().size(), registry_.list().size());
}

TEST(KillMigration, AtAnyMomentTheNextOpeningFinishesIt) {
  std::mt19937 random(11);
  const std::span<const std::string_view> steps = migrations();
  for (int round = 0; round < short_or_long(12, 200); ++round) {
    const testing::TemporaryFolder folder;
    const fs::path file = folder.path() / "registry.sqlite";
    {
      Database older(file, DatabaseAccess::read_write);
      migrate(older,
              steps.size() > 1 ? steps.first(steps.size() - 1) : std::span<const std::string_view>(kNone));
    }
    const pid_t child = start_child([&] {
      const Registry registry(folder.path(), RegistryAccess::write);
      return true;
    });
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 6000));
    ::kill(child, SIGKILL);
    wait_for(child);
    Registry(folder.path(), RegistryAccess::write).begin_run({"x", "", 0, "cpu", {}});
    Database database(file, DatabaseAccess::read_only);
    EXPECT_EQ(database.number("PRAGMA user_version"), static_cast<std::int64_t>(steps.size()));
    EXPECT_EQ(database.text("PRAGMA integrity_check"), "ok");
  }
}

// --- The test's own test: commits in a wrong order must be noticed ---

NewVersion measured(const fs::path& folder, FileSystem& files, const std::string& run) {
  NewVersion version;
  version.name = "shakespeare";
  version.run = run;
  version.format = "safetensors";
  version.step = 1;
  version.files = measure_folder(files, folder);
  return version;
}

TEST_F(KillTest, TheCheckerNoticesARowBeforeItsFiles) {
  const pid_t child = start_child([&] {
    const fs::path temporary = versions() / "step-1.tmp-1";
    fs::create_directories(temporary);
    fill_version(temporary, 1);
    Registry registry(home_, RegistryAccess::write);
    registry.add_version(measured(temporary, files_, run_), [](std::int64_t) { return true; });
    ::kill(::getpid(), SIGKILL);  // here the wrong order would rename
    return false;
  });
  ASSERT_TRUE(WIFSIGNALED(wait_for(child)));
  const std::vector<std::string> broken = broken_promises(home_, 0);
  ASSERT_EQ(broken.size(), 1U);
  EXPECT_NE(broken[0].find("v000001 is gone"), std::string::npos) << broken[0];
}

TEST_F(KillTest, TheCheckerNoticesARemovalOfFilesBeforeTheirRow) {
  CheckpointStore store(options(), registry_, files_);
  const SavedVersion saved = save(store, 1);
  const pid_t child = start_child([&] {
    fs::remove(saved.path / "config.json");
    ::kill(::getpid(), SIGKILL);  // here the wrong order would go on, and remove the row
    return false;
  });
  ASSERT_TRUE(WIFSIGNALED(wait_for(child)));
  const std::vector<std::string> broken = broken_promises(home_, 1);
  ASSERT_EQ(broken.size(), 1U);
  EXPECT_NE(broken[0].find("config.json is missing"), std::string::npos) << broken[0];
}

TEST_F(KillTest, TheCheckerNoticesAnAcknowledgementBeforeTheCommit) {
  CheckpointStore store(options(), registry_, files_);
  save(store, 1);
  EXPECT_EQ(broken_promises(home_, 1).size(), 0U);
  EXPECT_EQ(broken_promises(home_, 2).size(), 1U);
}

}  // namespace
}  // namespace easylm
