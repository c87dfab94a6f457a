// Plugins on the search path: which are used, and how a zoo of bad ones is refused without running any of
// them.
#include "plugin/catalogue.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

namespace easylm::test {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

class CatalogueOf : public ::testing::Test {
 protected:
  // Scans the folder, which must hold one bad plugin: refused, and its code hasn't run. Its reasons.
  std::string refusal() {
    const Catalogue catalogue = folder.scan();
    EXPECT_FALSE(catalogue.entries().empty());
    for (const CatalogueEntry& entry : catalogue.entries()) {
      EXPECT_EQ(name_of(entry.status), "refused");
      EXPECT_EQ(entry.file, folder.path() / "bad.so");
    }
    EXPECT_TRUE(catalogue.available("schedule").empty());
    EXPECT_EQ(catalogue.find("schedule", "flat"), nullptr);
    EXPECT_EQ(folder.runs(), 0) << "code of a refused plugin ran";
    return catalogue.entries().empty() ? "" : all_reasons(catalogue.entries().front().reasons);
  }

  PrivateFolder folder;
};

TEST_F(CatalogueOf, ListsAGoodPluginWithoutRunningIt) {
  folder.add("good.so", fixture("good"));
  const Catalogue catalogue = folder.scan();
  ASSERT_EQ(catalogue.entries().size(), 2U);
  const CatalogueEntry& entry = catalogue.entries()[1];
  EXPECT_EQ(entry.kind + " " + entry.name + " " + entry.id, "schedule flat easylm.schedule/1");
  EXPECT_EQ(entry.plugin + " " + entry.version, "fixture-good 1.2.3");
  EXPECT_EQ(entry.status, PluginStatus::available) << all_reasons(entry.reasons);
  const ComponentDescription* description = catalogue.find("schedule", "flat");
  ASSERT_NE(description, nullptr);
  EXPECT_EQ(description->fields.at(0).key, "value");
  EXPECT_EQ(catalogue.names("schedule"), (std::vector<std::string>{"failing", "flat"}));
  EXPECT_EQ(catalogue.reason_unavailable("schedule", "flat"), std::nullopt);
  EXPECT_EQ(folder.runs(), 0);
}

TEST_F(CatalogueOf, RefusesAPluginBuiltForAnotherLibTorch) {
  folder.add("bad.so", with_manifest_line(fixture("good"), "torch", "1.0.0"));
  EXPECT_TRUE(contains(refusal(), "built for LibTorch 1.0.0, this host is "));
}

TEST_F(CatalogueOf, RefusesAnotherApi) {
  folder.add("bad.so", with_manifest_line(fixture("good"), "api", "9.0"));
  EXPECT_TRUE(contains(refusal(), "built for plugin API 9.0"));
  folder.add("bad.so", with_manifest_line(fixture("good"), "api", "1.9"));
  EXPECT_TRUE(contains(refusal(), "upgrade EasyLM"));
}

TEST_F(CatalogueOf, RefusesAnotherBinaryInterface) {
  for (const auto& [key, value] : {std::pair{"cxx11abi", "0"},
                                   {"debug", "1"},
                                   {"sanitizer", "odd"},
                                   {"cxxabi", "9"},
                                   {"compiler", "icc-1"},
                                   {"layout", "0123456789abcdef"}}) {
    folder.add("bad.so", with_manifest_line(fixture("good"), key, value));
    EXPECT_TRUE(contains(refusal(), ", this host is ")) << key;
  }
}

TEST_F(CatalogueOf, RefusesWhatSaysNothingSensible) {
  folder.add("bad.so", with_manifest_line(fixture("good"), "manifest", "7"));
  EXPECT_TRUE(contains(refusal(), "manifest has form 7"));
  folder.add("bad.so", with_manifest_line(fixture("good"), "api", "x"));
  EXPECT_TRUE(contains(refusal(), "'api' is not MAJOR.MINOR"));
}

TEST_F(CatalogueOf, RefusesATruncatedPluginOfAnySize) {
  const std::string whole = fixture("good");
  for (const double part : {0.001, 0.01, 0.1, 0.3, 0.5, 0.7, 0.9, 0.99, 0.999}) {
    folder.add("bad.so", whole.substr(0, static_cast<std::size_t>(part * static_cast<double>(whole.size()))));
    EXPECT_NE(refusal(), "") << part;
  }
  folder.add("bad.so", whole.substr(0, whole.size() - 1));
  EXPECT_TRUE(contains(refusal(), "truncated"));
}

TEST_F(CatalogueOf, RefusesWhatIsNoPlugin) {
  folder.add("bad.so", "");
  EXPECT_TRUE(contains(refusal(), "the file is empty"));
  folder.add("bad.so", "#!/bin/sh\necho hello\n");
  EXPECT_TRUE(contains(refusal(), "not a shared library"));
  folder.add("bad.so", fixture("no_note"));
  EXPECT_TRUE(contains(refusal(), "no EasyLM manifest"));
}

TEST_F(CatalogueOf, RefusesAnotherMachine) {
  std::string bytes = fixture("good");
  bytes[18] = 40;  // e_machine: ARM
  folder.add("bad.so", bytes);
  EXPECT_TRUE(contains(refusal(), "built for 32-bit ARM"));
}

TEST_F(CatalogueOf, RefusesANoteWithLyingSizes) {
  std::string bytes = fixture("good");
  const std::size_t size_at = bytes.find("manifest=1\n") - 16;
  bytes.replace(size_at, 4, "\xff\xff\xff\x7f");
  folder.add("bad.so", bytes);
  EXPECT_TRUE(contains(refusal(), "no EasyLM manifest"));
}

TEST_F(CatalogueOf, RefusesABrokenDescription) {
  folder.add("bad.so", fixture("broken_description"));
  EXPECT_TRUE(contains(refusal(), "description is broken"));
}

TEST_F(CatalogueOf, RefusesWhatOthersMayChange) {
  const auto file = folder.add("bad.so", fixture("good"));
  chmod(folder.path().c_str(), 0777);
  EXPECT_TRUE(contains(refusal(), "may be written by everyone"));
  chmod(folder.path().c_str(), 0755);
  chmod(file.c_str(), 0666);
  EXPECT_TRUE(contains(refusal(), "may be written by everyone"));
}

TEST_F(CatalogueOf, RefusesWhatIsNoFileWithoutWaitingForIt) {
  ASSERT_EQ(mkfifo((folder.path() / "bad.so").c_str(), 0600), 0);
  EXPECT_TRUE(contains(refusal(), "not a regular file"));
  std::filesystem::remove(folder.path() / "bad.so");
  std::filesystem::create_directory(folder.path() / "bad.so");
  EXPECT_TRUE(contains(refusal(), "not a regular file"));
}

TEST_F(CatalogueOf, ReportsABrokenLink) {
  std::filesystem::create_symlink("nowhere.so", folder.path() / "bad.so");
  EXPECT_TRUE(contains(refusal(), "can't be found"));
}

TEST_F(CatalogueOf, ChecksWhatALinkLeadsTo) {
  const PrivateFolder open;
  const auto file = open.add("bad.so", fixture("good"));
  chmod(open.path().c_str(), 0777);
  std::filesystem::create_symlink(file, folder.path() / "link.so");
  const Catalogue catalogue = folder.scan();
  ASSERT_FALSE(catalogue.entries().empty());
  EXPECT_EQ(catalogue.entries()[0].status, PluginStatus::refused);
  EXPECT_EQ(catalogue.entries()[0].file, file);
}

TEST_F(CatalogueOf, ReportsEveryReasonAtOnce) {
  folder.add("bad.so", with_manifest_line(with_manifest_line(fixture("good"), "debug", "1"), "torch", "0.1"));
  chmod(folder.path().c_str(), 0777);
  const std::string reasons = refusal();
  EXPECT_TRUE(contains(reasons, "written by everyone"));
  EXPECT_TRUE(contains(reasons, "_GLIBCXX_DEBUG"));
  EXPECT_TRUE(contains(reasons, "LibTorch 0.1"));
}

TEST_F(CatalogueOf, NeverLooksInTheCurrentDirectory) {
  folder.add("good.so", fixture("good"));
  const auto before = std::filesystem::current_path();
  std::filesystem::current_path(folder.path());
  const Catalogue catalogue(search_path({"/nowhere/bin/easylm", ":.:./:", "", ""}), {});
  std::filesystem::current_path(before);
  EXPECT_TRUE(catalogue.entries().empty());
  EXPECT_EQ(folder.runs(), 0);
}

TEST_F(CatalogueOf, ListsWhatNeedsAGpuAsUnavailable) {
  folder.add("cuda.so", fixture("cuda"));
  const Catalogue catalogue = folder.scan();
  const CatalogueEntry entry = only_entry(catalogue);
  EXPECT_EQ(entry.status, PluginStatus::unavailable);
  EXPECT_EQ(all_reasons(entry.reasons), "this machine has no GPU\n");
  EXPECT_NE(catalogue.find("schedule", "on_gpu"), nullptr);
  EXPECT_EQ(catalogue.reason_unavailable("schedule", "on_gpu"), "this machine has no GPU");
  EXPECT_TRUE(catalogue.available("schedule").empty());
  EXPECT_EQ(catalogue.provider("schedule", "on_gpu"), nullptr);
  EXPECT_EQ(folder.runs(), 0);
}

TEST_F(CatalogueOf, AsksForAGpuOnlyIfAPluginNeedsOne) {
  folder.add("good.so", fixture("good"));
  int questions = 0;
  const auto probe = [&] {
    ++questions;
    return std::optional<std::string>();
  };
  EXPECT_EQ(Catalogue({{folder.path()}, {}}, probe).entries().size(), 2U);
  EXPECT_EQ(questions, 0);
  folder.add("cuda.so", fixture("cuda"));
  folder.add("cuda_again.so", fixture("cuda"));
  const Catalogue catalogue({{folder.path()}, {}}, probe);
  EXPECT_EQ(questions, 1);
  EXPECT_EQ(catalogue.available("schedule"), (std::vector<std::string>{"failing", "flat", "on_gpu"}));
}

TEST_F(CatalogueOf, LetsTheFirstOfTwoWin) {
  const PrivateFolder second;
  const auto winner = folder.add("good.so", fixture("good"));
  const auto loser = second.add("other.so", fixture("good"));
  const Catalogue catalogue({{folder.path(), second.path()}, {}}, {});
  ASSERT_EQ(catalogue.entries().size(), 4U);
  EXPECT_EQ(catalogue.provider("schedule", "flat")->file, winner);
  const CatalogueEntry& lost = catalogue.entries()[3];
  EXPECT_EQ(lost.file, loser);
  EXPECT_EQ(lost.status, PluginStatus::refused);
  EXPECT_EQ(all_reasons(lost.reasons), "the schedule 'flat' is already provided by " + winner.string() +
                                           ", which was found first: remove one of them\n");
}

TEST_F(CatalogueOf, FindsSingleFilesBeforeThoseOfFolders) {
  const PrivateFolder aside;
  folder.add("good.so", fixture("good"));
  const auto single = aside.add("candidate", fixture("good"));
  aside.add("unasked.so", fixture("cuda"));
  const Catalogue catalogue({{folder.path()}, {}, {single}}, {});
  ASSERT_EQ(catalogue.entries().size(), 4U);
  EXPECT_EQ(catalogue.provider("schedule", "flat")->file, single);
  EXPECT_EQ(catalogue.entries()[3].status, PluginStatus::refused);
  EXPECT_EQ(catalogue.find("schedule", "on_gpu"), nullptr);
}

TEST_F(CatalogueOf, ChecksSingleFilesLikeAllOthers) {
  const auto bad = folder.add("bad.so", with_manifest_line(fixture("good"), "torch", "1.0.0"));
  const auto missing = folder.path() / "missing.so";
  const Catalogue catalogue({{}, {}, {bad, missing, bad}}, {});
  ASSERT_EQ(catalogue.entries().size(), 3U);
  for (const CatalogueEntry& entry : catalogue.entries()) EXPECT_EQ(entry.status, PluginStatus::refused);
  EXPECT_EQ(catalogue.entries()[0].file, missing);  // it has no component
  EXPECT_TRUE(contains(all_reasons(catalogue.entries()[0].reasons), "can't be found"));
  EXPECT_EQ(folder.runs(), 0);
}

TEST_F(CatalogueOf, CountsAFolderThatIsNamedTwiceOnce) {
  folder.add("good.so", fixture("good"));
  const Catalogue catalogue({{folder.path(), folder.path() / "../plugins"}, {}}, {});
  EXPECT_EQ(catalogue.entries().size(), 2U);
}

TEST_F(CatalogueOf, KnowsWhyAComponentOfARefusedPluginIsMissing) {
  folder.add("bad.so", with_manifest_line(fixture("good"), "torch", "1.0.0"));
  const auto reason = folder.scan().reason_unavailable("schedule", "flat");
  ASSERT_TRUE(reason);
  EXPECT_TRUE(contains(*reason, "bad.so that offers it is refused; built for LibTorch 1.0.0"));
}

TEST_F(CatalogueOf, RefusesAPluginWithoutDescriptionInsteadOfAskingIt) {
  folder.add("bad.so", fixture("undescribed"));
  const std::string reasons = refusal();
  EXPECT_TRUE(contains(reasons, "no description of its components in its file")) << reasons;
  EXPECT_TRUE(contains(reasons, "build it with easylm_add_plugin")) << reasons;
  const std::string file = (folder.path() / "bad.so").string();
  EXPECT_TRUE(contains(reasons, "`easylm-describe " + file + " OUT.json`")) << reasons;
  EXPECT_TRUE(contains(reasons, "`objcopy --add-section .easylm.describe=OUT.json " + file)) << reasons;
}

TEST_F(CatalogueOf, SaysThatADescriptionIsMissingBesideEverythingElse) {
  folder.add("bad.so", with_manifest_line(fixture("undescribed"), "torch", "1.0.0"));
  const std::string reasons = refusal();
  EXPECT_TRUE(contains(reasons, "LibTorch 1.0.0")) << reasons;
  EXPECT_TRUE(contains(reasons, "no description")) << reasons;
}

TEST_F(CatalogueOf, DoesNotCallABrokenDescriptionAMissingOne) {
  folder.add("bad.so", fixture("broken_description"));
  EXPECT_FALSE(contains(refusal(), "no description"));
}

}  // namespace
}  // namespace easylm::test
