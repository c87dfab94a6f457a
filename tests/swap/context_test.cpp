// Variants, lengthened pipelines, and what is said of the longest sequences.
#include <gtest/gtest.h>

#include "config/fake_descriptions.h"
#include "easylm/error.h"
#include "easylm/json.h"
#include "swap/context_report.h"
#include "swap/context_variants.h"

namespace easylm {
namespace {

TEST(ContextVariant, SplitsSettingsAtCommasThatEndOne) {
  const ContextVariant variant =
      parse_context_variant("bpt: model.attention=bpt, model.x=[1, 2],model.y=\"a,b\", model.z={a=1, b=2}");
  EXPECT_EQ(variant.name, "bpt");
  EXPECT_EQ(variant.sets, (std::vector<std::string>{"model.attention=bpt", "model.x=[1, 2]",
                                                    "model.y=\"a,b\"", "model.z={a=1, b=2}"}));
}

TEST(ContextVariant, RefusesWhatHasNoNameOrNoSettings) {
  for (const char* text : {"", "bpt", "bpt:", ":a=1", "bpt: a", "bpt: a=1,", "bpt: =1", "../x: a=1"}) {
    EXPECT_THROW(parse_context_variant(text), Error) << text;
  }
}

TEST(ContextVariant, TheUsualOnesAskForBlockwiseLayersWhereTheModelHasThem) {
  testing::FakeDescriptions descriptions = testing::FakeDescriptions::realistic();
  Table root;
  root.set("model", {Table{{}, {{"type", {std::string("llama"), {}}}}}, {}});
  const auto plain = usual_context_variants(root, 1, descriptions);
  ASSERT_EQ(plain.size(), 3U);
  EXPECT_EQ(plain[1].sets, (std::vector<std::string>{"model.attention=sdpa", "stage.1.recompute=blocks"}));
  EXPECT_EQ(plain[2].sets, (std::vector<std::string>{"model.attention=bpt"}));
  ComponentDescription model;
  model.kind = "model";
  model.name = "blocky";
  model.fields.push_back({"blockwise", FieldType::boolean});
  descriptions.add(model);
  root.set("model", {std::string("blocky"), {}});
  EXPECT_EQ(usual_context_variants(root, 0, descriptions)[2].sets,
            (std::vector<std::string>{"model.attention=bpt", "model.blockwise=true"}));
}

// A checked pipeline, as far as a trial's looks at it.
PipelineConfig trainable() {
  const auto text = [](const char* value) { return Value{std::string(value), {}}; };
  PipelineConfig config;
  config.resolved.set("run", {Table{{}, {{"name", text("tiny")}}}, {}});
  config.resolved.set("dataset", {Table{{}, {{"train", {Table{{}, {{"type", text("text")}}}, {}}}}}, {}});
  config.resolved.set("model", {Table{{}, {{"type", text("llama")}}}, {}});
  config.resolved.set("stage", {List{{Table{{}, {{"type", text("train")}}}, {}}}, {}});
  return config;
}

TEST(ContextPipeline, NeedsNoMoreStepsThanItTakes) {
  PipelineConfig config = trainable();
  EXPECT_EQ(context_pipeline(config, 0, 512, 1).find("constant"), std::string::npos);
  const Value schedule = {
      Table{{}, {{"type", {std::string("wsd"), {}}}, {"decay_steps", {std::int64_t{9}, {}}}}}, {}};
  config.optimizer.emplace();
  config.resolved.set("optimizer", {Table{{}, {{"schedule", schedule}}}, {}});
  const std::string toml = context_pipeline(config, 0, 512, 1);
  EXPECT_NE(toml.find("constant"), std::string::npos) << toml;
  EXPECT_EQ(toml.find("decay_steps"), std::string::npos) << toml;
}

Trial fits(std::int64_t bytes, double seconds) { return {TrialEnd::fits, bytes, seconds, {}}; }

ContextFigures figures() {
  ContextFigures figures{"tiny-1", std::int64_t{3} << 30, "RLIMIT_DATA", 16384, {}};
  figures.variants.push_back({"reference",
                              {"model.attention=reference"},
                              {2048,
                               2560,
                               TrialEnd::out_of_memory,
                               {{2048, fits(2'000'000'000, 100e-6)}, {2560, {TrialEnd::out_of_memory}}}},
                              {}});
  figures.variants.push_back({"sdpa",
                              {},
                              {20480, 0, TrialEnd::fits, {{20480, fits(3'000'000'000, 200e-6)}}},
                              {190e-6, 180e-6, 200e-6}});
  figures.variants.push_back(
      {"bpt",
       {},
       {8192,
        16384,
        TrialEnd::failed,
        {{8192, fits(1'000'000'000, 90e-6)}, {16384, {TrialEnd::failed, 0, 0, "no | data"}}}},
       {95e-6}});
  return figures;
}

TEST(ContextTable, NamesLengthsRatiosAndWhatEndedTheSearch) {
  EXPECT_EQ(
      context_table(figures()),
      "limit: 3072 MiB, enforced by RLIMIT_DATA\n\n"
      "| variant   | longest (tokens) | ratio | limited by | does not fit | peak memory | µs/token there | "
      "µs/token at 16384 | time ratio | failure                  |\n"
      "| --------- | ---------------: | ----: | ---------- | -----------: | ----------: | -------------: | "
      "----------------: | ---------: | ------------------------ |\n"
      "| reference |             2048 |  1.00 | memory     |         2560 |      2.0 GB |            100 | "
      "                - |          - | -                        |\n"
      "| sdpa      |            20480 | 10.00 | nothing    |            - |      3.0 GB |            200 | "
      "              190 |       1.00 | -                        |\n"
      "| bpt       |             8192 |  4.00 | failure    |        16384 |      1.0 GB |           90.0 | "
      "             95.0 |       0.50 | 16384 tokens: no \\| data |\n");
}

TEST(ContextJson, HasEveryTrial) {
  const Table root = parse_json_object(context_json(figures()), "the report");
  const List& variants = *root.find("variants")->as<List>();
  ASSERT_EQ(variants.size(), 3U);
  const Table& first = *variants[0].as<Table>();
  EXPECT_EQ(*first.find("longest")->as<std::int64_t>(), 2048);
  EXPECT_EQ(*first.find("limited_by")->as<std::string>(), "memory");
  const List& trials = *first.find("trials")->as<List>();
  ASSERT_EQ(trials.size(), 2U);
  EXPECT_TRUE(*trials[0].as<Table>()->find("fits")->as<bool>());
  EXPECT_EQ(*trials[1].as<Table>()->find("ended_by")->as<std::string>(), "memory");
}

TEST(ContextSvg, DrawsMemoryAndTimeOfWhatFits) {
  const std::string svg = context_svg(figures());
  for (const char* part :
       {"peak memory in MB", "microseconds a token", ">reference<", ">sdpa<", ">16,384<"}) {
    EXPECT_NE(svg.find(part), std::string::npos) << part;
  }
}

}  // namespace
}  // namespace easylm
