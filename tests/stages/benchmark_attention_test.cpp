// What benchmark_attention counts, sums up and says; and the stage itself on tiny work.
#include "stages/benchmark_attention/cases.h"

#include <gtest/gtest.h>

#include <thread>

#include "easylm/json.h"
#include "easylm/stage.h"
#include "stages/benchmark_attention/figures.h"
#include "stages/benchmark_attention/machine_peak.h"
#include "stages/benchmark_attention/memory_ceiling.h"
#include "stages/benchmark_attention/time_probe.h"
#include "support/fake_context.h"
#include "support/plugin_host.h"
#include "support/temporary_folder.h"

namespace easylm::stages {
namespace {

using easylm::testing::FakeCheckpoints;
using easylm::testing::FakeContext;
using easylm::testing::PluginHost;
using easylm::testing::table_of;

TEST(BenchmarkCases, AKernelMayHaveALengthOfItsOwn) {
  EXPECT_EQ(parse_kernel("bpt").length, 0);
  EXPECT_EQ(parse_kernel("bpt@16384").length, 16384);
  EXPECT_EQ(parse_kernel("bpt@16384").name, "bpt");
  for (const char* text : {"", "@5", "bpt@", "bpt@0", "bpt@-1", "bpt@5x"}) {
    EXPECT_THROW(parse_kernel(text), Error) << text;
  }
}

TEST(BenchmarkCases, KernelsWithALengthMeetApartFromTheOthers) {
  const Plan plan{{{"a", 0}, {"b", 0}, {"c", 7}, {"d", 9}}, {16, 32}, {8}, {"fp32"}, {Pass::forward}};
  const std::vector<Contest> contests = contests_of(plan);
  ASSERT_EQ(contests.size(), 3U);
  EXPECT_EQ(contests[1].entrants[1].kernel, "b");
  EXPECT_EQ(contests[1].entrants[1].length, 32);
  ASSERT_EQ(contests[2].entrants.size(), 2U);
  EXPECT_EQ(contests[2].entrants[1].length, 9);
}

// One by one, as the mask says.
double counted_pairs(std::int64_t length, const CallShape& shape) {
  double pairs = 0;
  for (std::int64_t q = 0; q < length; ++q) {
    for (std::int64_t k = 0; k < length; ++k) {
      if (shape.causal && k > q) continue;
      if (shape.window > 0 && q - k >= shape.window) continue;
      ++pairs;
    }
  }
  return pairs;
}

TEST(BenchmarkCases, CountOnlyPairsThatAreVisible) {
  for (const bool causal : {true, false}) {
    for (const std::int64_t window : {0, 1, 5, 100}) {
      const CallShape shape{1, 2, 2, causal, window};
      EXPECT_EQ(visible_pairs(17, shape), counted_pairs(17, shape)) << causal << " " << window;
    }
  }
  const Contest forward{64, "fp32", Pass::forward, {}};
  EXPECT_EQ(flops_of({"a", 3}, forward, {2, 4, 4, true, 0}), 2 * 2 * 6 * 64.0 * 4 * 2);
  const Contest both{64, "fp32", Pass::forward_backward, {}};
  EXPECT_EQ(flops_of({"a", 3}, both, {2, 4, 4, true, 0}), 7 * 2 * 6 * 64.0 * 4 * 2);
}

Timing took(double seconds, double waited = 0) { return {seconds, waited, 1}; }

std::vector<Figure> summed_up(const Rounds& rounds) {
  std::vector<Figure> figures(2);
  Figure* pointers[] = {&figures[0], &figures[1]};
  const double flops[] = {100, 300};
  sum_up(pointers, flops, rounds);
  return figures;
}

TEST(BenchmarkFigures, AreMediansOverQuietRoundsAndRatiosWithinARound) {
  const auto figures =
      summed_up({{took(1), took(1)}, {took(2), took(2)}, {took(50, 40), took(1)}, {took(4), took(4)}});
  EXPECT_EQ(figures[0].seconds, 2);
  EXPECT_EQ(figures[1].flops_per_second, 150);
  EXPECT_EQ(figures[1].ratio, 3);
  EXPECT_EQ(figures[1].rounds, 4);
  EXPECT_EQ(figures[1].disturbed, 1);
  EXPECT_EQ(figures[0].note, "");
}

TEST(BenchmarkFigures, SayWhenDisturbedRoundsHadToCount) {
  const auto figures = summed_up({{took(1, 1), took(1)}, {took(3, 1), took(1)}, {took(2), took(1)}});
  EXPECT_EQ(figures[0].seconds, 2);
  EXPECT_EQ(figures[0].disturbed, 2);
  EXPECT_EQ(figures[0].note, "too few quiet rounds: all count");
}

TEST(BenchmarkReports, SayWhyAKernelHasNoNumbers) {
  Results results{"8 heads", {{"fp32", 2e11}}, {}};
  Figure good;
  good.entrant = {"fast", 1024};
  good.dtype = "fp32";
  good.head_dim = 64;
  good.seconds = 0.0123;
  good.flops_per_second = 1e11;
  good.share = 0.5;
  good.ratio = 1;
  good.peak_bytes = 5'000'000;
  good.rounds = 7;
  Figure bad = good;
  bad = {{"slow", 1024}, 64, "fp32"};
  bad.note = "head width 64, or so";
  results.figures = {good, bad};
  EXPECT_EQ(
      as_markdown(results),
      "8 heads; peak 200 GFLOP/s in fp32\n\n"
      "| kernel | dtype | pass    | tokens | head width | time (ms) | GFLOP/s | of peak | peak memory "
      "(MB) | ratio | rounds | disturbed | note                 |\n"
      "| ------ | ----- | ------- | -----: | ---------: | --------: | ------: | ------: | "
      "---------------: | ----: | -----: | --------: | -------------------- |\n"
      "| fast   | fp32  | forward |   1024 |         64 |      12.3 |     100 |    50 % |             "
      "5.00 |  1.00 |      7 |         0 | -                    |\n"
      "| slow   | fp32  | forward |   1024 |         64 |         - |       - |       - |                "
      "- |     - |      - |         - | head width 64, or so |\n");
  EXPECT_NE(as_csv(results).find("\nfast,1024,64,fp32,forward,0.0123,1e+11,0.5,1,5000000,7,0,\n"),
            std::string::npos);
  EXPECT_NE(as_csv(results).find(",,,,,,0,0,\"head width 64, or so\"\n"), std::string::npos);
  const Table json = parse_json_object(as_json(results), "the report");
  EXPECT_EQ(json.find("figures")->as<List>()->size(), 2U);
  const std::string svg = as_svg(results);
  EXPECT_NE(svg.find(">fast<"), std::string::npos);
  EXPECT_EQ(svg.find(">slow<"), std::string::npos);
}

TEST(TimeProbe, TimesACallAndMarksWhatWaited) {
  TimeProbe probe;
  probe.begin();
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  const Timing timing = probe.end();
  EXPECT_GE(timing.seconds, 0.02);
  EXPECT_LT(timing.seconds, 2);
  EXPECT_GE(timing.slowdown, 1);
  EXPECT_TRUE((Timing{1, 0.03, 1}).disturbed());
  EXPECT_TRUE((Timing{1, 0, 1.2}).disturbed());
  EXPECT_FALSE((Timing{1, 0.01, 1.1}).disturbed());
}

TEST(MachinePeak, IsThatOfSomeMachineAndMeasuredOnce) {
  MachinePeak peak(at::kCPU, 1);
  const double fp32 = peak.flops_per_second(at::kFloat);
  EXPECT_GT(fp32, 1e9);
  EXPECT_LT(fp32, 2e12);  // of one core
  EXPECT_EQ(peak.flops_per_second(at::kFloat), fp32);
  EXPECT_GT(peak.flops_per_second(at::kBFloat16), 1e9);
}

TEST(MemoryCeiling, IsGoneWithItsObject) {
  rlimit before{}, within{}, after{};
  getrlimit(RLIMIT_DATA, &before);
  {
    const MemoryCeiling ceiling;
    getrlimit(RLIMIT_DATA, &within);
  }
  getrlimit(RLIMIT_DATA, &after);
  EXPECT_LT(within.rlim_cur, before.rlim_cur);
  EXPECT_EQ(after.rlim_cur, before.rlim_cur);
}

Value texts(std::initializer_list<const char*> words) {
  List list;
  for (const char* word : words) list.push_back({std::string(word), {}});
  return {std::move(list), {}};
}

Value whole(std::int64_t number) { return {number, {}}; }

TEST(BenchmarkAttention, LeavesItsFilesWhereItIsTold) {
  const easylm::testing::TemporaryFolder folder;
  PluginHost host;
  FakeCheckpoints checkpoints(folder.path(), nullptr);
  FakeContext context(host, checkpoints);
  const auto stage =
      host.make<Stage>(table_of("benchmark_attention", {{"kernels", texts({"reference", "bpt"})},
                                                        {"lengths", {List{whole(33)}, {}}},
                                                        {"head_dims", {List{whole(16)}, {}}},
                                                        {"heads", whole(2)},
                                                        {"rounds", whole(2)},
                                                        {"csv", {(folder.path() / "a.csv").string(), {}}},
                                                        {"svg", {(folder.path() / "a.svg").string(), {}}}}));
  stage->run(context);
  EXPECT_NE(context.all_printed().find("| reference | fp32  | forward and backward |     33 |"),
            std::string::npos)
      << context.all_printed();
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "a.csv"));
  EXPECT_TRUE(std::filesystem::exists(folder.path() / "a.svg"));
}

TEST(BenchmarkAttention, NamesTheKernelThatWasMeant) {
  const easylm::testing::TemporaryFolder folder;
  PluginHost host;
  FakeCheckpoints checkpoints(folder.path(), nullptr);
  FakeContext context(host, checkpoints);
  const auto stage = host.make<Stage>(table_of("benchmark_attention", {{"kernels", texts({"refrence"})}}));
  try {
    stage->run(context);
    FAIL() << "an unknown kernel was timed";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::invalid_config);
    EXPECT_EQ(error.hint(), "did you mean 'reference'?");
  }
}

}  // namespace
}  // namespace easylm::stages
