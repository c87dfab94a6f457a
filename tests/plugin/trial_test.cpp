// Plugins that crash, hang or lack something when they are loaded: a line in a report each.
#include "plugin/trial.h"

#include <gtest/gtest.h>

#include "plugin/report.h"
#include "support.h"

namespace easylm::test {
namespace {

constexpr std::chrono::seconds kEnough(60);

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

class Trial : public ::testing::Test {
 protected:
  // Why the one plugin in the folder fails.
  std::string failure_of(std::string_view name, std::chrono::milliseconds limit = kEnough) {
    return failure_with(fixture(name), limit);
  }
  std::string failure_with(const std::string& bytes, std::chrono::milliseconds limit = kEnough) {
    folder.add("tried.so", bytes);
    const LoadFailures failures = try_loading(folder.scan(), limit);
    const auto found = failures.find(folder.path() / "tried.so");
    return found == failures.end() ? "" : found->second;
  }

  PrivateFolder folder;
};

TEST_F(Trial, HasNothingToSayOfAGoodPlugin) { EXPECT_EQ(failure_of("good"), ""); }

TEST_F(Trial, NamesTheSignalThatKilled) {
  EXPECT_TRUE(failure_of("aborts").starts_with("the process that loaded it was killed by SIGABRT: "));
}

TEST_F(Trial, StopsAPluginThatIsNeverDone) {
  const std::string why = failure_of("hangs", std::chrono::milliseconds(200));
  EXPECT_TRUE(contains(why, "wasn't done in time")) << why;
}

TEST_F(Trial, NoticesAPluginThatLeavesInSilence) {
  EXPECT_TRUE(contains(failure_of("exits"), "left with exit code 0 before it was done"));
}

TEST_F(Trial, PassesOnWhatTheLoaderSays) {
  const std::string why = failure_of("throws");
  EXPECT_TRUE(why.starts_with("it failed while registering: no licence found: report it")) << why;
  EXPECT_TRUE(contains(failure_of("unresolved"), "easylm_fixture_missing_function"));
}

TEST_F(Trial, SaysWhereALibraryWasLookedFor) {
  std::string bytes = fixture("needs_library");
  EXPECT_EQ(failure_with(bytes), "");
  const std::string place = EASYLM_FIXTURE_DIR "/helper";
  const std::size_t at = bytes.find(place);
  ASSERT_NE(at, bytes.npos);
  bytes.replace(at + place.size() - 6, 6, "nowher");
  const std::string why = failure_with(bytes);
  EXPECT_TRUE(contains(why, "it needs libfixture_helper.so, which is not in ")) << why;
  EXPECT_TRUE(contains(why, EASYLM_FIXTURE_DIR "/nowher (which isn't there), ")) << why;
  EXPECT_TRUE(contains(why, "nor in the system's folders: install the package that has")) << why;
}

TEST_F(Trial, GoesOnAfterPluginsThatFail) {
  for (const char* name : {"aborts", "exits", "good", "hangs", "throws"}) {
    folder.add(std::string(name) + ".so", fixture(name));
  }
  // All but the good one offer the same component, so only the first of them is tried.
  const LoadFailures failures = try_loading(folder.scan(), kEnough);
  ASSERT_EQ(failures.size(), 1U);
  EXPECT_EQ(failures.begin()->first, folder.path() / "aborts.so");
}

TEST_F(Trial, IsWhatDoctorReports) {
  folder.add("aborts.so", fixture("aborts"));
  folder.add("good.so", fixture("good"));
  const Catalogue catalogue = folder.scan();
  const DoctorReport report = plugins_doctor(catalogue, try_loading(catalogue, kEnough));
  EXPECT_EQ(report.num_problems, 1);
  EXPECT_TRUE(contains(report.text, "1 plugin can be used, 1 can't:")) << report.text;
  EXPECT_TRUE(contains(report.text, "aborts.so is refused\n  it is fixture-aborts 1.0.0")) << report.text;
  EXPECT_TRUE(contains(report.text, "  - the process that loaded it was killed by SIGABRT: ")) << report.text;
}

}  // namespace
}  // namespace easylm::test
