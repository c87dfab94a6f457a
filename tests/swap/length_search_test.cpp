// The search for the longest length, over runs that are formulas.
#include "swap/length_search.h"

#include <gtest/gtest.h>

#include <algorithm>

namespace easylm {
namespace {

// Memory by length: a start, and a part for each token or each pair of tokens.
struct Machine {
  double start = 100e6, per_token = 60e3, per_pair = 0;
  std::int64_t limit = std::int64_t{3} << 30;

  double bytes(std::int64_t length) const {
    const auto t = static_cast<double>(length);
    return start + per_token * t + per_pair * t * t;
  }
  Trial operator()(std::int64_t length) const {
    if (bytes(length) > static_cast<double>(limit)) return {TrialEnd::out_of_memory, 0, 0, {}};
    return {TrialEnd::fits, static_cast<std::int64_t>(bytes(length)), 1e-6, {}};
  }
  SearchSpace space() const { return {.step = 512, .most = 1 << 20, .memory_bytes = limit}; }
};

TEST(LengthSearch, EndsCloseToWhereMemoryEnds) {
  for (const double per_token : {1e3, 7e3, 60e3, 900e3, 3e6}) {
    for (const double per_pair : {0.0, 1.0, 40.0, 500.0}) {
      const Machine machine{.per_token = per_token, .per_pair = per_pair};
      const SearchResult found = longest_length(machine.space(), machine);
      SCOPED_TRACE(std::to_string(per_token) + " and " + std::to_string(per_pair));
      ASSERT_GT(found.longest, 0);
      EXPECT_EQ(machine(found.longest).end, TrialEnd::fits);
      EXPECT_LE(found.trials.size(), 25U);
      if (found.beyond == 0) {
        EXPECT_EQ(found.longest, machine.space().most);
        continue;
      }
      EXPECT_EQ(found.beyond_end, TrialEnd::out_of_memory);
      EXPECT_EQ(machine(found.beyond).end, TrialEnd::out_of_memory);
      EXPECT_LE(found.beyond - found.longest, std::max<std::int64_t>(512, found.longest / 32));
      EXPECT_EQ(found.longest % 512, 0);
    }
  }
}

TEST(LengthSearch, PredictsTheEndSoThatFewLongTrialsAreMade) {
  const Machine machine;
  const SearchResult found = longest_length(machine.space(), machine);
  const auto is_long = [&](const auto& trial) { return trial.first > found.longest / 2; };
  EXPECT_LE(std::ranges::count_if(found.trials, is_long), 3);
}

TEST(LengthSearch, NeverJumpsFarBeyondWhatIsKnownToFit) {
  std::int64_t longest = 0;
  const Machine machine{.per_token = 10};
  longest_length(machine.space(), [&](std::int64_t length) {
    EXPECT_LE(length, std::max<std::int64_t>(512, 4 * longest));
    longest = std::max(longest, length);
    return machine(length);
  });
  EXPECT_EQ(longest, 1 << 20);
}

TEST(LengthSearch, SaysWhenNotEvenOneStepFits) {
  const SearchResult found = longest_length({.step = 512, .most = 4096, .memory_bytes = 1},
                                            [](std::int64_t) { return Trial{TrialEnd::out_of_memory}; });
  EXPECT_EQ(found.longest, 0);
  EXPECT_EQ(found.beyond, 512);
  EXPECT_EQ(found.trials.size(), 1U);
}

TEST(LengthSearch, AFailureEndsItAndIsKept) {
  const Machine machine;
  const SearchResult found = longest_length(machine.space(), [&](std::int64_t length) {
    return length < 2000 ? machine(length) : Trial{TrialEnd::failed, 0, 0, "the data are too short"};
  });
  EXPECT_EQ(found.longest, 1024);
  EXPECT_EQ(found.beyond_end, TrialEnd::failed);
  EXPECT_EQ(found.trials.back().second.failure, "the data are too short");
}

TEST(LengthSearch, WhatTakesTooLongBoundsItLikeMemory) {
  const Machine machine;
  const SearchResult found = longest_length(machine.space(), [&](std::int64_t length) {
    return length <= 9000 ? machine(length) : Trial{TrialEnd::out_of_time};
  });
  EXPECT_EQ(found.longest, 8704);
  EXPECT_EQ(found.beyond, 9216);
  EXPECT_EQ(found.beyond_end, TrialEnd::out_of_time);
}

}  // namespace
}  // namespace easylm
