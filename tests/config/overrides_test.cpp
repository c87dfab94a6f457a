// --set and the environment.
#include "config/overrides.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "config/document.h"
#include "config/show.h"

namespace easylm {
namespace {

constexpr const char* kDocument =
    "[model]\nhidden_size = 1\nattention = \"sdpa\"\n"
    "[[stage]]\ntype = \"train\"\nsteps = 1\n"
    "[[stage]]\ntype = \"train\"\nname = \"second\"\n"
    "[[stage]]\ntype = \"evaluate\"\n";

class Overrides : public ::testing::Test {
 protected:
  Overrides() : root_(*parse_document(kDocument, "x.toml", diagnostics_)) {}

  std::string stage(std::size_t index) const { return toml_text((*root_.find("stage")->as<List>())[index]); }
  std::string model() const { return toml_text(*root_.find("model")); }
  void set(const std::vector<std::string>& sets) { apply_sets(root_, sets, diagnostics_); }

  Diagnostics diagnostics_;
  Table root_;
};

TEST_F(Overrides, SetsValuesOfEveryType) {
  set({"model.hidden_size=2", "model.a=1.5", "model.b=true", "model.c=[1, 2]", "model.d={ type = \"x\" }",
       "model.e=\"1\""});
  EXPECT_EQ(diagnostics_.text(), "");
  EXPECT_EQ(model(),
            "{ hidden_size = 2, attention = \"sdpa\", a = 1.5, b = true, c = [1, 2], d = { type = \"x\" }, e "
            "= \"1\" }");
}

TEST_F(Overrides, TakesWhatIsNotTomlForAString) {
  set({"model.a=cpu", "model.b=data/a#1", "model.c=", "model.d=a=b", "model.e=2026-11-24"});
  EXPECT_EQ(diagnostics_.text(), "");
  EXPECT_EQ(model(),
            "{ hidden_size = 1, attention = \"sdpa\", a = \"cpu\", b = \"data/a#1\", c = \"\", d = \"a=b\", "
            "e = \"2026-11-24\" }");
}

TEST_F(Overrides, EntersAComponentThatIsGivenByItsNameAlone) {
  set({"model.attention.dropout=0.1"});
  EXPECT_EQ(model(), "{ hidden_size = 1, attention = { type = \"sdpa\", dropout = 0.1 } }");
}

TEST_F(Overrides, FindsAStageByIndexNameAndType) {
  set({"stage.0.steps=10", "stage.second.steps=20", "stage.evaluate.metrics=[\"loss\"]"});
  EXPECT_EQ(diagnostics_.text(), "");
  EXPECT_EQ(stage(0), "{ type = \"train\", steps = 10 }");
  EXPECT_EQ(stage(1), "{ type = \"train\", name = \"second\", steps = 20 }");
  EXPECT_EQ(stage(2), "{ type = \"evaluate\", metrics = [\"loss\"] }");
}

TEST_F(Overrides, RefusesANameThatTwoItemsHave) {
  auto& stages = std::get<List>(root_.settings[1].value.data);
  stages.push_back(stages[0]);
  set({"stage.train.steps=3"});
  EXPECT_EQ(diagnostics_.text(),
            "--set: error: 2 of stage are called 'train'\n"
            "  hint: use an index: 0 (train), 1 (second), 2 (evaluate), 3 (train)\n");
}

TEST_F(Overrides, AddsTablesThatAreNotThere) {
  set({"dataset.train.path=x"});
  EXPECT_EQ(toml_text(*root_.find("dataset")), "{ train = { path = \"x\" } }");
}

TEST_F(Overrides, MatchesTheEnvironmentWhateverItsCase) {
  const std::vector<NamedText> environment{{"EASYLM__MODEL__HIDDEN_SIZE", "512"},
                                           {"EASYLM__stage__Second__STEPS", "7"},
                                           {"EASYLM_HOME", "/x"},
                                           {"PATH", "/bin"}};
  apply_environment(root_, environment, diagnostics_);
  EXPECT_EQ(diagnostics_.text(), "");
  EXPECT_EQ(model(), "{ hidden_size = 512, attention = \"sdpa\" }");
  EXPECT_EQ(stage(1), "{ type = \"train\", name = \"second\", steps = 7 }");
  EXPECT_EQ(root_.settings.size(), 2U);
  EXPECT_EQ(root_.find("model")->as<Table>()->find("hidden_size")->origin.source, "environment");
}

TEST_F(Overrides, SaysThatNestedValuesComeFromTheCommandLineToo) {
  set({"model.c={ a = [1] }"});
  const Value& c = *root_.find("model")->as<Table>()->find("c");
  EXPECT_EQ(c.as<Table>()->find("a")->as<List>()->at(0).origin.source, "--set");
}

TEST_F(Overrides, RefuseAKeyDeeperThanAnyDocument) {
  std::string key = "a";
  for (int i = 0; i < 100'000; ++i) key += ".a";
  set({key + "=1"});
  EXPECT_TRUE(diagnostics_.has_errors());
  EXPECT_EQ(root_.find("a"), nullptr);
}

TEST_F(Overrides, RefuseWhatIsNotUtf8) {
  set({"model.a=\xff", "model.\xc3=1"});
  apply_environment(root_, std::vector<NamedText>{{"EASYLM__MODEL__A", "\xff"}}, diagnostics_);
  EXPECT_EQ(diagnostics_.text(),
            "--set: error: a setting isn't valid UTF-8 text\nenvironment: error: a setting isn't valid UTF-8 "
            "text\n");
  EXPECT_EQ(model(), "{ hidden_size = 1, attention = \"sdpa\" }");
}

TEST(ConfigEnvironment, HoldsOnlyOurVariables) {
  ::setenv("EASYLM__RUN__SEED", "7", 1);
  const auto found = config_environment();
  ::unsetenv("EASYLM__RUN__SEED");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0], NamedText("EASYLM__RUN__SEED", "7"));
}

}  // namespace
}  // namespace easylm
