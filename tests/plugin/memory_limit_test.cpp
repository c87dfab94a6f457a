// Limits on memory, and whether this system enforces them.
#include "platform/memory_limit.h"

#include <gtest/gtest.h>

#include "easylm/error.h"
#include "platform/child_process.h"
#include "platform/scratch_folder.h"

namespace easylm::test {
namespace {

constexpr std::int64_t kMiB = 1 << 20;

TEST(ParseBytes, KnowsUnitsOfBothKinds) {
  EXPECT_EQ(parse_bytes("3GiB"), std::int64_t{3} << 30);
  EXPECT_EQ(parse_bytes("1.5mib"), 3 * kMiB / 2);
  EXPECT_EQ(parse_bytes("4GB"), 4'000'000'000);
  EXPECT_EQ(parse_bytes("123"), 123);
  for (const char* text : {"", "GiB", "3 apples", "3 GiB", "-1GiB", "1e300GiB"}) {
    EXPECT_THROW(parse_bytes(text), Error) << text;
  }
}

TEST(MemoryLimit, RefusesWhatNoMachineCanKeep) {
  EXPECT_THROW(MemoryLimit(0), Error);
  EXPECT_THROW(MemoryLimit(std::int64_t{1} << 60), Error);
}

TEST(MemoryLimit, ProvesThatItIsEnforcedHere) { EXPECT_NO_THROW(MemoryLimit(256 * kMiB).prove()); }

// A shell that holds `mebibytes` of text, once it has read a line.
int exit_code_of_holding(int mebibytes, std::int64_t limit) {
  const ScratchFolder folder;
  const std::string script = "sleep 0.2; x=$(head -c " + std::to_string(mebibytes) +
                             "M /dev/zero | tr '\\0' x) && [ ${#x} -gt 1000 ]";
  ChildProcess child("/bin/sh", {"-c", script}, {folder.path() / "talk", {}});
  MemoryLimit(limit).apply(child.id());
  while (!child.ended()) {
  }
  return child.exit_code();
}

TEST(MemoryLimit, AChildThatStaysWithinItIsLeftAloneAndOneBeyondFails) {
  EXPECT_EQ(exit_code_of_holding(8, 512 * kMiB), 0);
  EXPECT_NE(exit_code_of_holding(200, 64 * kMiB), 0);
}

}  // namespace
}  // namespace easylm::test
