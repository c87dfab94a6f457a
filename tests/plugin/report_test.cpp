// What `plugins list`, `describe` and `doctor` print.
#include "plugin/report.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "easylm/error.h"
#include "support.h"

namespace easylm::test {
namespace {

bool contains(const std::string& text, std::string_view part) { return text.find(part) != text.npos; }

class Report : public ::testing::Test {
 protected:
  void SetUp() override {
    folder.add("cuda.so", fixture("cuda"));
    folder.add("good.so", fixture("good"));
    folder.add("old.so", with_manifest_line(fixture("good"), "torch", "1.0.0"));
    folder.add("text.so", "hello");
  }
  PrivateFolder folder;
};

TEST_F(Report, ListsEveryComponentAndTheReasonsOfThoseThatCannotBeUsed) {
  const std::string text = plugins_list(folder.scan());
  EXPECT_TRUE(text.starts_with("KIND      NAME     STATUS       PLUGIN        VERSION  FILE\n")) << text;
  EXPECT_TRUE(contains(text, "schedule  flat     available    fixture-good  1.2.3    ")) << text;
  EXPECT_TRUE(contains(text, "schedule  on_gpu   unavailable  fixture-cuda  1.0.0    ")) << text;
  EXPECT_TRUE(contains(text, "  - this machine has no GPU\n")) << text;
  EXPECT_TRUE(contains(text, "  - built for LibTorch 1.0.0, this host is ")) << text;
  EXPECT_TRUE(contains(text, "  - the file is not a shared library")) << text;
  EXPECT_EQ(folder.runs(), 0);
}

TEST_F(Report, ListsForScripts) {
  const auto list = boost::json::parse(plugins_list_json(folder.scan())).as_array();
  ASSERT_EQ(list.size(), 6U);
  for (const auto& item : list) {
    std::string keys;
    for (const auto& member : item.as_object()) keys += std::string(member.key()) + " ";
    EXPECT_EQ(keys, "kind name id plugin version file status reasons ");
  }
  EXPECT_EQ(list[0].at("status").as_string(), "refused");  // text.so, which has no component
  EXPECT_EQ(list[0].at("name").as_string(), "");
  EXPECT_EQ(list[5].at("name").as_string(), "on_gpu");
  EXPECT_EQ(list[5].at("reasons").at(0).as_string(), "this machine has no GPU");
}

TEST_F(Report, DescribesAComponentByNameOrKindAndName) {
  const Catalogue catalogue = folder.scan();
  const std::string text = plugins_describe(catalogue, "flat");
  EXPECT_TRUE(
      text.starts_with("schedule 'flat': The same rate at every step.\n  easylm.schedule/1, from "
                       "fixture-good 1.2.3 ("))
      << text;
  EXPECT_TRUE(contains(text, "value  number  0.5      > 0.0, <= 10.0  the rate at every step")) << text;
  EXPECT_TRUE(contains(text, "presets: small")) << text;
  EXPECT_EQ(plugins_describe(catalogue, "schedule/flat"), text);
  EXPECT_EQ(plugins_describe(catalogue, "schedule flat"), text);
  EXPECT_TRUE(contains(plugins_describe(catalogue, "on_gpu"), "unavailable: this machine has no GPU"));
  EXPECT_TRUE(contains(plugins_describe_json(catalogue, "flat"), "\"doc\":\"the rate at every step\""));
  EXPECT_EQ(folder.runs(), 0);
}

TEST_F(Report, SuggestsANameWhenThereIsNothingToDescribe) {
  try {
    plugins_describe(folder.scan(), "flatt");
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
    EXPECT_TRUE(contains(error.hint(), "did you mean 'flat'?")) << error.hint();
  }
}

TEST_F(Report, DoctorSaysWhatToDo) {
  const DoctorReport report = plugins_doctor(folder.scan(), {});
  EXPECT_EQ(report.num_problems, 2);  // that there is no GPU is none
  EXPECT_TRUE(contains(report.text, "1 plugin can be used, 3 can't:")) << report.text;
  EXPECT_TRUE(contains(report.text, ", with schedule 'failing', schedule 'flat'\n")) << report.text;
  EXPECT_TRUE(contains(report.text, folder.path().string())) << report.text;
  EXPECT_TRUE(contains(report.text, "old.so is refused\n  it is fixture-good ")) << report.text;
}

TEST(DoctorReport, IsContentWithoutPlugins) {
  const Catalogue catalogue({{"/no/such/folder"}, {}}, {});
  const DoctorReport report = plugins_doctor(catalogue, {});
  EXPECT_EQ(report.num_problems, 0);
  EXPECT_TRUE(contains(report.text, "/no/such/folder  (not there)")) << report.text;
  EXPECT_TRUE(contains(plugins_list(catalogue), "no plugins were found"));
}

}  // namespace
}  // namespace easylm::test
