// Variants of a pipeline: what is kept, what is left out, what is refused.
#include "swap/variants.h"

#include <gtest/gtest.h>

#include "config/document.h"
#include "config/fake_descriptions.h"
#include "config/show.h"
#include "easylm/error.h"

namespace easylm {
namespace {

struct Palm {
  double weight_decay = 0.3, floor = 0;
  static void describe(Schema<Palm>& s) {
    s.field("weight_decay", &Palm::weight_decay, "of matrices");
    s.field("floor", &Palm::floor, "of the second moment");
  }
};

struct Train {
  std::int64_t steps = 0, log_every_steps = 10;
  static void describe(Schema<Train>& s) {
    s.field("steps", &Train::steps, "updates").required().at_least(1);
    s.field("log_every_steps", &Train::log_every_steps, "how often metrics are logged").at_least(1);
    s.needs("model");
  }
};

testing::FakeDescriptions descriptions() {
  auto fake = testing::FakeDescriptions::realistic();
  fake.add<Palm>("optimizer", "palm", "Without factors.");
  fake.add<Train>("stage", "train", "Trains.");
  return fake;
}

constexpr std::string_view kPipeline = R"(
[tokenizer]
type = "byte"
[dataset.train]
type = "text"
path = "."
[model]
type = "llama"
hidden_size = 8
num_attention_heads = 2
num_hidden_layers = 1
[optimizer]
type = "adamw"
betas = [0.9, 0.99]
weight_decay = 0.5
[checkpoint]
type = "safetensors"
every_steps = 10
keep_last = 2
[[stage]]
type = "train"
steps = 1000
[[stage]]
type = "evaluate"
)";

Table pipeline(std::string_view text = kPipeline) {
  Diagnostics diagnostics;
  const auto root = parse_document(text, "p.toml", diagnostics);
  EXPECT_TRUE(root) << diagnostics.text();
  return root.value_or(Table{});
}

std::vector<Variant> vary(const Table& root, const std::string& what, Diagnostics& diagnostics) {
  return make_variants(root, parse_vary(what), descriptions(), diagnostics);
}

std::vector<Variant> vary(const Table& root, const std::string& what) {
  Diagnostics diagnostics;
  std::vector<Variant> variants = vary(root, what, diagnostics);
  EXPECT_TRUE(diagnostics.empty()) << diagnostics.text();
  return variants;
}

std::string section(const Table& root, const char* name) { return toml_text(*root.find(name)); }

TEST(Vary, ReadsAKeyAndNames) {
  const VaryRequest request = parse_vary("model.attention=reference,sdpa");
  EXPECT_EQ(request.key, "model.attention");
  EXPECT_EQ(request.names, (std::vector<std::string>{"reference", "sdpa"}));
}

TEST(Vary, RefusesWhatIsNoComparison) {
  for (const char* text : {"", "optimizer", "optimizer=", "optimizer=adamw", "=a,b", "optimizer=a,a"}) {
    try {
      parse_vary(text);
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::invalid_config);
      EXPECT_NE(error.hint().find("--vary optimizer=adamw,palm"), std::string::npos);
    }
  }
}

TEST(Variants, KeepTheKeysThatTheNewTypeHasAndNameTheOthers) {
  const std::vector<Variant> variants = vary(pipeline(), "optimizer=adamw,palm");
  ASSERT_EQ(variants.size(), 2U);
  EXPECT_EQ(section(variants[0].root, "optimizer"),
            R"({ type = "adamw", betas = [0.9, 0.99], weight_decay = 0.5 })");
  EXPECT_TRUE(variants[0].left_out.empty());
  EXPECT_EQ(section(variants[1].root, "optimizer"), R"({ type = "palm", weight_decay = 0.5 })");
  EXPECT_EQ(variants[1].left_out, std::vector<std::string>{"betas"});
  EXPECT_EQ(variants[1].kind, "optimizer");
}

TEST(Variants, ReachComponentsThatThePipelineDoesNotMention) {
  const std::vector<Variant> variants = vary(pipeline(), "optimizer.schedule=constant,warmup_cosine");
  EXPECT_NE(section(variants[1].root, "optimizer").find(R"(schedule = { type = "warmup_cosine" })"),
            std::string::npos);
  EXPECT_NE(section(vary(pipeline(), "model.attention=reference,sdpa")[0].root, "model")
                .find(R"(attention = { type = "reference" })"),
            std::string::npos);
}

TEST(Variants, ReachIntoAComponentThatIsGivenByItsNameAlone) {
  const Table root = pipeline("optimizer = \"adamw\"\nstage = \"train\"\n");
  EXPECT_EQ(section(vary(root, "optimizer.schedule=constant,warmup_cosine")[0].root, "optimizer"),
            R"({ type = "adamw", schedule = { type = "constant" } })");
  EXPECT_EQ(section(vary(root, "optimizer=adamw,palm")[1].root, "optimizer"), R"({ type = "palm" })");
}

TEST(Variants, OfAModelFromSomewhereHaveItsAttention) {
  const Table root = pipeline("[model]\nfrom = \"tiny@best\"\n[[stage]]\ntype = \"train\"\n");
  EXPECT_EQ(section(vary(root, "model.attention=reference,sdpa")[0].root, "model"),
            R"({ from = "tiny@best", attention = { type = "reference" } })");
}

TEST(Variants, KeepTheHostsOwnKeys) {
  auto fake = descriptions();
  fake.add<Palm>("checkpoint", "other", "Another format.");
  Diagnostics diagnostics;
  const auto variants =
      make_variants(pipeline(), {"checkpoint", {"safetensors", "other"}}, fake, diagnostics);
  EXPECT_EQ(section(variants[1].root, "checkpoint"),
            R"({ type = "other", every_steps = 10, keep_last = 2 })");
}

TEST(Variants, NameTheComponentThatWasProbablyMeant) {
  Diagnostics diagnostics;
  EXPECT_TRUE(vary(pipeline(), "optimiser=adamw,palm", diagnostics).empty());
  EXPECT_EQ(diagnostics.text(),
            "--vary: error: this pipeline has no component 'optimiser'\n  hint: did you mean 'optimizer'?\n");
  Diagnostics of_all;
  vary(pipeline(), "zzz=adamw,palm", of_all);
  EXPECT_NE(of_all.text().find("it has: tokenizer, dataset.train, model, model.attention, optimizer, "
                               "optimizer.schedule, checkpoint"),
            std::string::npos)
      << of_all.text();
}

TEST(TrainingStage, IsTheOneWithALengthAndALog) {
  Diagnostics diagnostics;
  EXPECT_EQ(training_stage(pipeline("stage = [\"evaluate\", \"train\"]"), descriptions(), diagnostics), 1U);
  EXPECT_TRUE(diagnostics.empty());
  EXPECT_FALSE(training_stage(pipeline("stage = \"evaluate\""), descriptions(), diagnostics));
  EXPECT_NE(diagnostics.text().find("this pipeline has none"), std::string::npos);
  Diagnostics of_two;
  EXPECT_FALSE(training_stage(pipeline("[[stage]]\ntype = \"train\"\n[[stage]]\ntype = \"train\"\n"),
                              descriptions(), of_two));
  EXPECT_NE(of_two.text().find("this pipeline has 2"), std::string::npos);
}

TEST(PreparedVariant, SavesOnceAndWritesItsMetrics) {
  Table root = pipeline();
  prepare_variant(root, {"tiny-palm", 0, 60});
  EXPECT_EQ(section(root, "run"), R"({ name = "tiny-palm" })");
  EXPECT_EQ(section(root, "tracker"), R"(["jsonl"])");
  EXPECT_EQ(section(root, "checkpoint"), R"({ type = "safetensors", every_steps = 0, keep_last = 2 })");
  EXPECT_NE(section(root, "stage").find("steps = 60"), std::string::npos);
}

TEST(PreparedVariant, KeepsTheTrackerAndTheStepsThatThereAre) {
  Table root = pipeline("[tracker]\ntype = \"jsonl\"\n[stage]\ntype = \"train\"\nsteps = 5\n");
  prepare_variant(root, {"tiny-palm", 0, {}});
  EXPECT_EQ(section(root, "tracker"), R"([{ type = "jsonl" }])");
  EXPECT_EQ(section(root, "stage"), R"({ type = "train", steps = 5 })");
}

std::int64_t logged_every(const std::string& stage) {
  Diagnostics diagnostics;
  const Table root =
      pipeline("[model]\ntype = \"llama\"\npreset = \"llama2_7b\"\n[[stage]]\ntype = \"train\"\n" + stage);
  const auto fake = descriptions();
  auto config = check_pipeline(root, "p.toml", {{}, {}, "/"}, fake, diagnostics);
  EXPECT_TRUE(config) << diagnostics.text();
  if (!config) return 0;
  log_for_a_curve(*config, 0);
  const Table& resolved = *config->resolved.find("stage")->as<List>()->front().as<Table>();
  return *resolved.find("log_every_steps")->as<std::int64_t>();
}

TEST(LogForACurve, GivesAboutTwoHundredPointsUnlessThePipelineWantsMore) {
  EXPECT_EQ(logged_every("steps = 60"), 1);
  EXPECT_EQ(logged_every("steps = 1000"), 5);
  EXPECT_EQ(logged_every("steps = 1001"), 6);
  EXPECT_EQ(logged_every("steps = 100000"), 500);
  EXPECT_EQ(logged_every("steps = 100000\nlog_every_steps = 10"), 10);
  EXPECT_EQ(logged_every("steps = 60\nlog_every_steps = 30"), 1);
}

}  // namespace
}  // namespace easylm
