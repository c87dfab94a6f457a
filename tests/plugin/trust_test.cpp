// Who may change a plugin's file.
#include "plugin/trust.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

namespace easylm::test {
namespace {

class Trust : public ::testing::Test {
 protected:
  PrivateFolder folder;
  std::filesystem::path file = folder.add("a.so", "x");
};

TEST_F(Trust, AcceptsAFileThatOnlyWeCanChange) { EXPECT_EQ(all_reasons(trust_problems(file)), ""); }

TEST_F(Trust, NamesTheFileThatEveryoneMayWrite) {
  chmod(file.c_str(), 0666);
  EXPECT_EQ(all_reasons(trust_problems(file)),
            "'" + file.string() + "' may be written by everyone: chmod o-w " + file.string() + "\n");
}

TEST_F(Trust, NamesTheFolderThatEveryoneMayWrite) {
  chmod(folder.path().c_str(), 0777);
  EXPECT_EQ(all_reasons(trust_problems(file)), "'" + folder.path().string() +
                                                   "' may be written by everyone: chmod o-w " +
                                                   folder.path().string() + "\n");
}

TEST_F(Trust, AcceptsAStickyFolder) {
  chmod(folder.path().c_str(), 01777);
  EXPECT_EQ(all_reasons(trust_problems(file)), "");
}

TEST_F(Trust, NamesEveryProblemAtOnce) {
  chmod(file.c_str(), 0666);
  chmod(folder.path().c_str(), 0777);
  EXPECT_EQ(trust_problems(file).size(), 2U);
}

TEST_F(Trust, ReportsWhatIsNotThere) {
  EXPECT_NE(all_reasons(trust_problems(folder.path() / "b.so")).find("can't be examined"), std::string::npos);
}

TEST_F(Trust, NamesAnOwnerWhoIsNeitherRootNorUs) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files away";
  ASSERT_EQ(chown(file.c_str(), 12345, 0), 0);
  EXPECT_NE(all_reasons(trust_problems(file)).find("belongs to user 12345"), std::string::npos);
}

TEST_F(Trust, NamesAFileThatAForeignGroupMayWrite) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can give files to any group";
  ASSERT_EQ(chown(file.c_str(), 0, 12345), 0);
  chmod(file.c_str(), 0664);
  EXPECT_NE(all_reasons(trust_problems(file)).find("may be written by its group"), std::string::npos);
}

}  // namespace
}  // namespace easylm::test
