// Checking tables against descriptions: what a good table becomes.
#include "config/checker.h"

#include <gtest/gtest.h>

#include "config/document.h"
#include "config/show.h"
#include "easylm/error.h"
#include "fake_descriptions.h"

namespace easylm {
namespace {

class CheckerTest : public ::testing::Test {
 protected:
  CheckerTest() : descriptions_(testing::FakeDescriptions::realistic()) {}

  Value raw(const std::string& text) {
    return {*parse_document(text, "x.toml", diagnostics_), {"file", "x.toml", 1, 1}};
  }

  // As `easylm config show --origin` prints it.
  std::string check(const std::string& kind, const Value& value) {
    Checker checker(descriptions_, "/data", diagnostics_);
    const auto table = checker.check_component(value, {kind, kind, {}, Unset::fill_in});
    return diagnostics_.text() + (table ? show_toml(*table, ShowOrigins::yes) : "none\n");
  }

  testing::FakeDescriptions descriptions_;
  Diagnostics diagnostics_;
};

TEST_F(CheckerTest, FillsInDefaultsAndSaysSo) {
  EXPECT_EQ(check("optimizer", raw("type = \"adamw\"\nweight_decay = 0\n")),
            "type = \"adamw\"  # x.toml:1\n"
            "betas = [0.9, 0.95]  # default\n"
            "weight_decay = 0.0  # x.toml:2\n"
            "\n[schedule]\n"
            "type = \"constant\"  # default\n"
            "value = 0.002  # default\n");
}

TEST_F(CheckerTest, TakesANameAloneForAComponent) {
  EXPECT_EQ(check("attention", {std::string("sdpa"), {"--set", {}, 0, 0}}),
            "type = \"sdpa\"  # --set\nsoftcap = 0.0  # default\n");
}

TEST_F(CheckerTest, ReplacesADefaultComponentThatAnotherTypeIsGivenFor) {
  EXPECT_EQ(check("optimizer", raw("type = \"adamw\"\nbetas = [1, 0]\nschedule = \"warmup_cosine\"\n")),
            "type = \"adamw\"  # x.toml:1\n"
            "betas = [1.0, 0.0]  # x.toml:2\n"
            "weight_decay = 0.1  # default\n"
            "\n[schedule]\n"
            "type = \"warmup_cosine\"  # x.toml:3\n"
            "warmup_steps = 0  # default\n"
            "peak = 0.001  # default\n"
            "end = 0.0  # default\n");
}

TEST_F(CheckerTest, KeepsTheDefaultTypeOfAComponentWhoseKeysAreGiven) {
  EXPECT_EQ(check("optimizer", raw("type = \"adamw\"\n[schedule]\nvalue = 3\n")),
            "type = \"adamw\"  # x.toml:1\n"
            "betas = [0.9, 0.95]  # default\n"
            "weight_decay = 0.1  # default\n"
            "\n[schedule]\n"
            "type = \"constant\"  # default\n"
            "value = 3.0  # x.toml:3\n");
}

TEST_F(CheckerTest, LetsKeysBesideAPresetWin) {
  EXPECT_EQ(check("model", raw("type = \"llama\"\npreset = \"llama2_7b\"\nnum_hidden_layers = 2\n")),
            "type = \"llama\"  # x.toml:1\n"
            "hidden_size = 4096  # preset llama2_7b\n"
            "num_attention_heads = 32  # preset llama2_7b\n"
            "num_hidden_layers = 2  # x.toml:3\n"
            "max_position_embeddings = 2048  # default\n"
            "dropout = 0.0  # default\n"
            "tie_word_embeddings = false  # default\n"
            "\n[attention]\n"
            "type = \"reference\"  # preset llama2_7b\n"
            "softcap = 0.0  # default\n");
}

TEST_F(CheckerTest, LeavesOutWhatIsNotGivenWhenAsked) {
  Checker checker(descriptions_, "/data", diagnostics_);
  const auto table = checker.check_component(raw("type = \"llama\"\ndropout = 1\nattention = \"sdpa\"\n"),
                                             {"model", "model", {}, Unset::leave_out});
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(diagnostics_.text(), "");
  EXPECT_EQ(show_toml(*table),
            "type = \"llama\"\ndropout = 1.0\n\n[attention]\ntype = \"sdpa\"\nsoftcap = 0.0\n");
}

TEST_F(CheckerTest, MakesPathsAbsoluteAgainstTheGivenDirectory) {
  EXPECT_EQ(check("tracker", raw("type = \"jsonl\"\npath = \"a/../b.jsonl\"\n")),
            "type = \"jsonl\"  # x.toml:1\npath = \"/data/b.jsonl\"  # x.toml:2\n");
  EXPECT_EQ(check("tracker", raw("type = \"jsonl\"\npath = \"/b.jsonl\"\n")),
            "type = \"jsonl\"  # x.toml:1\npath = \"/b.jsonl\"  # x.toml:2\n");
  EXPECT_EQ(check("tracker", raw("type = \"jsonl\"\n")),
            "type = \"jsonl\"  # x.toml:1\npath = \"\"  # default\n");
}

TEST_F(CheckerTest, AcceptsAResolvedTableAsItIs) {
  Checker checker(descriptions_, "/data", diagnostics_);
  const ComponentPlace place{"model", "model", {}, Unset::fill_in};
  const auto once = checker.check_component(raw("type = \"llama\"\npreset = \"llama3_8b\"\n"), place);
  const auto twice = checker.check_component({*once, {}}, place);
  EXPECT_EQ(diagnostics_.text(), "");
  EXPECT_EQ(show_toml(*once, ShowOrigins::yes), show_toml(*twice, ShowOrigins::yes));
}

struct Part {
  double weight = 1;
  Table attention;
  static void describe(Schema<Part>& s) {
    s.field("weight", &Part::weight, "how much of it").above(0);
    s.component("attention", "attention", &Part::attention, "a component within");
  }
};

struct Whole {
  std::vector<std::pair<std::string, Part>> parts;
  static void describe(Schema<Whole>& s) { s.tables("parts", &Whole::parts, "what it is made of"); }
};

TEST_F(CheckerTest, ChecksEachOfNamedTablesAndGivesThemInTheOrderOfTheirNames) {
  Schema<Whole> schema;
  Whole::describe(schema);
  Checker checker(descriptions_, "/data", diagnostics_);
  const Value good = raw("[parts.b]\nattention = \"sdpa\"\n[parts.a]\nweight = 2\nattention = \"sdpa\"\n");
  const Table table = checker.check_table(*good.as<Table>(), schema.fields(), "it");
  EXPECT_EQ(diagnostics_.text(), "");
  const Whole whole = schema.read(table);
  ASSERT_EQ(whole.parts.size(), 2U);
  EXPECT_EQ(whole.parts[0].first, "a");
  EXPECT_EQ(whole.parts[0].second.weight, 2);
  EXPECT_EQ(whole.parts[1].second.weight, 1);
  EXPECT_EQ(whole.parts[1].second.attention.type, "sdpa");
  EXPECT_NE(whole.parts[1].second.attention.find("softcap"), nullptr) << "its defaults are filled in";

  checker.check_table(*raw("[parts.b]\nweihgt = 0\nattention = \"sdp\"\n").as<Table>(), schema.fields(),
                      "it");
  checker.check_table(*raw("parts.c = 5\n").as<Table>(), schema.fields(), "it");
  checker.check_table(*raw("parts = 5\n").as<Table>(), schema.fields(), "it");
  const std::string text = diagnostics_.text();
  for (const char* part :
       {"unknown key 'weihgt' in it.parts.b", "did you mean 'weight'?", "called 'sdp'",
        "it.parts.c must be a table, not", "it.parts must be a table of named tables, not"}) {
    EXPECT_NE(text.find(part), std::string::npos) << part << " in\n" << text;
  }
}

TEST_F(CheckerTest, MatchesEnvironmentKeysWhateverTheirCase) {
  Value value = raw("type = \"jsonl\"\nPATH = \"/x\"\n");
  std::get<Table>(value.data).settings[1].value.origin = {"environment", {}, 0, 0};
  EXPECT_EQ(check("tracker", value), "type = \"jsonl\"  # x.toml:1\npath = \"/x\"  # environment\n");
}

TEST_F(CheckerTest, StopsAtDefaultsThatContainOneAnother) {
  struct Endless {
    Table inner{"endless", {}, {}};
    static void describe(Schema<Endless>& s) { s.component("inner", "dataset", &Endless::inner, "itself"); }
  };
  descriptions_.add<Endless>("dataset", "endless", "");
  EXPECT_NE(check("dataset", raw("type = \"endless\"\n")).find("contain one another"), std::string::npos);
}

TEST_F(CheckerTest, ReportsABrokenConditionAsThePluginsMistake) {
  struct Broken {
    std::int64_t a = 1;
    static void describe(Schema<Broken>& s) {
      s.field("a", &Broken::a, "");
      s.require("a / 0 > 1", "a", "never");
    }
  };
  descriptions_.add<Broken>("tracker", "broken", "");
  EXPECT_EQ(check("tracker", raw("type = \"broken\"\n")),
            "x.toml:1:1: error: a condition of tracker 'broken' can't be checked: expression 'a / 0 > 1', "
            "column 3: it "
            "divides by zero\n  hint: report this to the plugin's author\ntype = \"broken\"  # x.toml:1\na = "
            "1  # default\n");
}

TEST_F(CheckerTest, WorksOutFactsFromSettings) {
  const ComponentDescription& llama = *descriptions_.find("model", "llama");
  Checker checker(descriptions_, "/data", diagnostics_);
  const auto table = checker.check_component(
      raw("type = \"llama\"\nhidden_size = 8\nnum_attention_heads = 2\nnum_hidden_layers = 3\n"),
      {"model", "model", {}, Unset::fill_in});
  ASSERT_TRUE(table.has_value()) << diagnostics_.text();
  EXPECT_EQ(evaluate_fact(llama, *table, "head_width"), 4);
  EXPECT_EQ(evaluate_fact(llama, *table, "bytes"), 4 * 3 * 12 * 64);
  EXPECT_EQ(evaluate_fact(llama, *table, "embedding"), std::nullopt);  // vocab_size isn't set
  EXPECT_EQ(evaluate_fact(llama, *table, "flops"), std::nullopt);
}

TEST_F(CheckerTest, LooksUpDottedNamesAndTypes) {
  Checker checker(descriptions_, "/data", diagnostics_);
  const auto table =
      checker.check_component(raw("type = \"adamw\"\n"), {"optimizer", "optimizer", {}, Unset::fill_in});
  ASSERT_TRUE(table.has_value());
  EXPECT_EQ(lookup_setting(*table, "schedule.value"), ExpressionValue(2e-3));
  EXPECT_EQ(lookup_setting(*table, "schedule.type"), ExpressionValue(std::string("constant")));
  EXPECT_EQ(lookup_setting(*table, "schedule"), ExpressionValue(std::string("constant")));
  EXPECT_EQ(lookup_setting(*table, "betas"), ExpressionValue());
  EXPECT_EQ(lookup_setting(*table, "schedule.peak.x"), ExpressionValue());
}

}  // namespace
}  // namespace easylm
