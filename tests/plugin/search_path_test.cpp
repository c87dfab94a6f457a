// Where plugins are looked for, and where never.
#include "plugin/search_path.h"

#include <gtest/gtest.h>

#include "support.h"

namespace easylm::test {
namespace {

using Folders = std::vector<std::filesystem::path>;

TEST(SearchPath, GoesFromTheProgramToTheVariableToTheUser) {
  const PrivateFolder folder;
  const SearchPath path =
      search_path({"/opt/easylm/bin/easylm", folder.path().string(), "/data", "/home/ana"});
  EXPECT_EQ(path.folders, (Folders{"/opt/easylm/lib/easylm/plugins", folder.path(), "/data/easylm/plugins"}));
  EXPECT_TRUE(path.warnings.empty());
}

TEST(SearchPath, UsesTheHomeFolderWithoutXdg) {
  EXPECT_EQ(search_path({"/usr/bin/easylm", "", "", "/home/ana"}).folders.back(),
            "/home/ana/.local/share/easylm/plugins");
}

TEST(SearchPath, IgnoresEmptyAndRelativeEntriesWithAWarning) {
  const SearchPath path = search_path({"/usr/bin/easylm", ":.:plugins:", "", ""});
  EXPECT_EQ(path.folders, (Folders{"/usr/lib/easylm/plugins"}));
  ASSERT_EQ(path.warnings.size(), 3U);
  EXPECT_EQ(path.warnings[1], "EASYLM_PLUGIN_PATH: ignored '.': only absolute folders are searched");
}

TEST(SearchPath, WarnsOfAFolderThatIsNotThere) {
  const SearchPath path = search_path({"/usr/bin/easylm", "/no/such/folder", "", ""});
  EXPECT_EQ(path.folders.size(), 1U);
  ASSERT_EQ(path.warnings.size(), 1U);
  EXPECT_NE(path.warnings[0].find("'/no/such/folder' is not a folder"), std::string::npos);
}

TEST(SearchPath, IgnoresARelativeDataHome) {
  const SearchPath path = search_path({"/usr/bin/easylm", "", "share", "/home/ana"});
  EXPECT_EQ(path.folders.back(), "/home/ana/.local/share/easylm/plugins");
  EXPECT_EQ(path.warnings.size(), 1U);
}

TEST(SearchPath, WithoutAnythingIsEmpty) {
  EXPECT_TRUE(search_path({"easylm", "", "", "home"}).folders.empty());
}

}  // namespace
}  // namespace easylm::test
