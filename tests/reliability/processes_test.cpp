// Many processes write to one registry at once: each waits for its turn, none is refused.
#include <gtest/gtest.h>

#include <chrono>
#include <iostream>

#include "registry/registry.h"
#include "support/child_process.h"
#include "support/long_form.h"
#include "support/temporary_folder.h"

namespace easylm {
namespace {

using testing::short_or_long;

// Each transaction is one of a kind that runs make: a version, a metric, an alias, a tag.
bool write_often(const std::filesystem::path& home, int process, int count) {
  Registry registry(home, RegistryAccess::write);
  NewVersion version;
  version.name = "shared";
  for (int i = 0; i < count; i += 4) {
    const VersionRecord added = registry.add_version(version, [](std::int64_t) { return true; });
    registry.set_metrics(added.uri(), {{"loss", 1.0 / (i + 1)}});
    registry.set_alias("shared", "of-" + std::to_string(process), added.number);
    registry.tag(added.uri(), "process", std::to_string(process));
  }
  return true;
}

TEST(ManyProcesses, NoneIsRefusedAndNoNumberIsGivenTwice) {
  const int processes = short_or_long(8, 16), transactions = short_or_long(24, 200);
  const testing::TemporaryFolder folder;
  Registry registry(folder.path(), RegistryAccess::write);
  const auto started = std::chrono::steady_clock::now();
  std::vector<pid_t> children;
  for (int i = 0; i < processes; ++i) {
    children.push_back(testing::start_child([&, i] { return write_often(folder.path(), i, transactions); }));
  }
  for (const pid_t child : children) EXPECT_TRUE(testing::succeeded(testing::wait_for(child)));
  const std::chrono::duration<double> took = std::chrono::steady_clock::now() - started;
  std::cout << processes << " x " << transactions << " transactions took " << took.count() << " s\n";
  const std::vector<VersionRecord> versions = registry.list();
  ASSERT_EQ(versions.size(), static_cast<std::size_t>(processes * transactions / 4));
  for (std::size_t i = 0; i < versions.size(); ++i) {
    EXPECT_EQ(versions[i].number, static_cast<std::int64_t>(i + 1));
    EXPECT_EQ(versions[i].tags.size(), 1U);
    EXPECT_EQ(versions[i].metrics.size(), 1U);
  }
  EXPECT_LT(took.count(),
            60);  // 10 on a machine with nothing else to do: docs/reliability.md has the figures
}

}  // namespace
}  // namespace easylm
