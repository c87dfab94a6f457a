// Deltas give the target back to the bit, and only from the very base.
#include "checkpoint/delta.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <random>

#include "checkpoint/difference.h"
#include "checkpoint/model_fixture.h"

namespace easylm::testing {
namespace {

template <typename T>
std::vector<T> random_bits(unsigned seed, std::size_t count) {
  std::mt19937_64 random(seed);
  std::vector<T> bits(count);
  for (T& x : bits) x = static_cast<T>(random());
  return bits;
}

class Delta : public ModelTest {
 protected:
  DeltaReport write(DeltaMethod method = DeltaMethod::exact) {
    return write_delta(
        host_, {.base = path("base"), .target = path("target"), .to = path("delta"), .method = method});
  }
  DeltaReport apply(const std::string& base = "base", const std::string& to = "again") {
    return apply_delta(host_, {.base = path(base), .delta = path("delta"), .to = path(to)});
  }

  // NaNs of many kinds, -0, denormals and infinities are among random bits; some are put there by hand.
  static StoredTensors hard(unsigned seed) {
    std::vector<std::uint32_t> f32 = random_bits<std::uint32_t>(seed, 4000);
    std::vector<std::uint16_t> half = random_bits<std::uint16_t>(seed, 4000);
    const std::uint32_t special[] = {0x7fc00000, 0x7f800001, 0xffffffff, 0x80000000,
                                     1,          0x807fffff, 0x7f800000, 0};
    for (std::size_t i = 0; i < std::size(special); ++i) f32[(i * 7 + seed) % f32.size()] = special[i];
    const std::uint16_t special_16[] = {0x7fc0, 0x7f81, 0xffff, 0x8000, 1, 0x807f, 0x7c01, 0xfc00};
    for (std::size_t i = 0; i < std::size(special_16); ++i)
      half[(i * 7 + seed) % half.size()] = special_16[i];
    return {{"f32", tensor_of(DType::f32, f32)},
            {"f16", tensor_of(DType::f16, half)},
            {"bf16", tensor_of(DType::bf16, half)},
            {"f64", tensor_of(DType::f64, random_bits<std::uint64_t>(seed, 100))},
            {"i64", tensor_of(DType::i64, random_bits<std::uint64_t>(seed, 100))},
            {"u8", tensor_of(DType::u8, random_bits<std::uint8_t>(seed, 100))},
            {"empty", {DType::f32, {0, 3}, {}}}};
  }
};

TEST_F(Delta, GivesTheVeryBytesBackWhateverTheyAre) {
  StoredTensors base = hard(1), target = hard(2);
  target["same"] = base["same"] = floats({1, 2});
  target["new"] = floats({3});
  target["reshaped"] = floats({1, 2, 3});
  base["reshaped"] = floats({1, 2});
  target["retyped"] = tensor_of<std::uint16_t>(DType::bf16, {0x7fc0, 1});
  base["retyped"] = floats({1, 2});
  base["old"] = floats({4});
  write_model("base", base);
  write_model("target", target, Table{"made_up"}, {{"tokenizer.json", "{}"}});
  const DeltaReport made = write();
  EXPECT_EQ(made.same, 2);  // "same" and "empty"
  EXPECT_EQ(made.changed, 6);
  EXPECT_EQ(made.whole, 3);
  EXPECT_EQ(made.only_in_base, std::vector<std::string>{"old"});
  const DeltaReport back = apply();
  EXPECT_TRUE(back.exact);
  EXPECT_EQ(read_model(path("again")), target);
  EXPECT_TRUE(std::filesystem::exists(path("again") / "tokenizer.json"));
  EXPECT_TRUE(std::filesystem::exists(path("again") / "config.json"));
  EXPECT_EQ(names(), (std::vector<std::string>{"again", "base", "delta", "target"}));
}

TEST_F(Delta, RefusesAnotherBaseAndLeavesNothing) {
  write_model("base", {{"a", floats({1, 2})}});
  write_model("target", {{"a", floats({1, 3})}});
  write_model("other", {{"a", floats({1, 2.0000002F})}});
  write();
  const Error error = error_of([&] { apply("other"); });
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  EXPECT_NE(error.message().find("is not the model that the delta was made from"), std::string::npos);
  EXPECT_FALSE(std::filesystem::exists(path("again")));
}

TEST_F(Delta, IsNoModelToAnyFormatAndNoModelIsADelta) {
  write_model("base", {{"a", floats({1, 2})}});
  write_model("target", {{"a", floats({1, 3})}});
  write();
  EXPECT_THROW(find_format(host_, path("delta")), Error);
  const Error error = error_of([&] {
    apply_delta(host_,
                {.base = path("base"), .delta = path("target") / "model.safetensors", .to = path("again")});
  });
  EXPECT_NE(error.message().find("is no delta"), std::string::npos);
}

TEST_F(Delta, FindsDamage) {
  write_model("base", {{"a", floats({1, 2})}});
  write_model("target", {{"a", floats({1, 3})}});
  write();
  {
    std::fstream file(path("delta") / "delta.safetensors", std::ios::in | std::ios::out | std::ios::binary);
    file.seekp(-1, std::ios::end);
    file.put('\x11');
  }
  const Error error = error_of([&] { apply(); });
  EXPECT_EQ(error.code(), ErrorCode::corrupt);
  EXPECT_EQ(names(), (std::vector<std::string>{"base", "delta", "target"}));
}

TEST_F(Delta, SubtractsForOtherToolsIfAskedTo) {
  write_model("base", {{"a", floats({1, 2, 5})}});
  write_model("target", {{"a", floats({1.5F, -2, 5})}});
  EXPECT_EQ(write(DeltaMethod::arithmetic).changed, 1);
  EXPECT_EQ(read_model(path("delta") / "delta.safetensors").at("a"), floats({0.5F, -4, 0}));
  EXPECT_TRUE(apply().exact);
  EXPECT_EQ(read_model(path("again")), read_model(path("target")));
}

TEST_F(Delta, SaysSoWhereSubtractionRounds) {
  write_model("base", {{"a", floats({1e8F})}});
  write_model("target", {{"a", floats({0.3F})}});
  write(DeltaMethod::arithmetic);
  EXPECT_FALSE(apply().exact);
}

TEST_F(Delta, OfAnotherToolIsAddedIfThatIsSaid) {
  write_model("base", {{"a", floats({1, 2, 5})}, {"b", tensor_of<std::uint16_t>(DType::bf16, {0x3f80})}},
              Table{"x"}, {{"tokenizer.json", "{}"}});
  write_model("delta", {{"a", tensor_of<std::uint16_t>(DType::bf16, {0x3f00, 0xc080, 0})},  // 0.5, -4, 0
                        {"b", floats({1})},
                        {"new", floats({7})}});
  const DeltaReport report =
      apply_delta(host_, {.base = path("base"), .delta = path("delta"), .to = path("again"), .plain = true});
  EXPECT_EQ(report.changed, 2);
  EXPECT_EQ(report.whole, 1);
  EXPECT_TRUE(report.target.empty());
  EXPECT_FALSE(report.exact);
  EXPECT_NE(delta_text(report).find("neither was checked"), std::string::npos);
  EXPECT_EQ(read_model(path("again")), (StoredTensors{{"a", floats({1.5F, -2, 5})},
                                                      {"b", tensor_of<std::uint16_t>(DType::bf16, {0x4000})},
                                                      {"new", floats({7})}}));
  EXPECT_TRUE(std::filesystem::exists(path("again") / "tokenizer.json"));
}

TEST_F(Delta, OfAnotherToolNamesWhatCannotBeAdded) {
  write_model("base", {{"a", floats({1, 2})}, {"b", floats({1})}, {"c", floats({1})}});
  write_model("delta", {{"a", floats({1, 2, 3})}, {"b", tensor_of<std::uint8_t>(DType::u8, {1})}});
  const Error error = error_of([&] {
    apply_delta(host_, {.base = path("base"), .delta = path("delta"), .to = path("again"), .plain = true});
  });
  EXPECT_EQ(error.code(), ErrorCode::invalid_config);
  for (const char* part :
       {"a is [3] in the delta and [2] in the base", "b holds u8", "c is not in the delta"}) {
    EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
  }
  EXPECT_FALSE(std::filesystem::exists(path("again")));
}

TEST_F(Delta, FingerprintsAreOfTensorsNotOfFiles) {
  write_model("base", {{"a", floats({1, 2})}, {"b", floats({3})}});
  write_model("same", {{"a", floats({1, 2})}, {"b", floats({3})}}, Table{"x"});
  write_model("renamed", {{"a", floats({1, 2})}, {"c", floats({3})}});
  const auto of = [&](const std::string& name) {
    return fingerprint_of(host_, *find_format(host_, path(name)).format->open(path(name)));
  };
  EXPECT_EQ(of("base"), of("same"));
  EXPECT_NE(of("base"), of("renamed"));
}

class Difference : public ModelTest {
 protected:
  ModelDifference compare() {
    const auto open = [&](const char* name) {
      return find_format(host_, path(name)).format->open(path(name));
    };
    return compare_models(host_, *open("a"), *open("b"));
  }
};

TEST_F(Difference, OfAModelFromItselfIsNone) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  write_model("a", {{"x", floats({1, nan})}}, Table{"made_up"});
  write_model("b", {{"x", floats({1, nan})}}, Table{"made_up"});
  const ModelDifference difference = compare();
  EXPECT_TRUE(difference.none());
  EXPECT_EQ(difference.same, 1);
}

TEST_F(Difference, GivesTheFigures) {
  write_model("a", {{"x", floats({3, 4, 0})}, {"only", floats({1})}, {"shape", floats({1})}});
  write_model("b", {{"x", floats({3, 0, -0.0F})}, {"shape", floats({1, 2})}, {"too", floats({1})}});
  const ModelDifference difference = compare();
  EXPECT_FALSE(difference.none());
  ASSERT_EQ(difference.changed.size(), 2U);
  const TensorDifference& x = difference.changed.at(1);
  EXPECT_EQ(x.name, "x");
  EXPECT_EQ(x.differing, 2);  // -0 is not 0 in its bits
  EXPECT_EQ(x.max_abs, 4);
  EXPECT_DOUBLE_EQ(x.mean_abs, 4.0 / 3);
  EXPECT_DOUBLE_EQ(x.relative, 0.8);
  EXPECT_DOUBLE_EQ(x.cosine, 0.6);
  EXPECT_EQ(difference.changed.at(0).a_shape, std::vector<std::int64_t>{1});
  EXPECT_EQ(difference.only_in_a, std::vector<std::string>{"only"});
  EXPECT_EQ(difference.only_in_b, std::vector<std::string>{"too"});
}

TEST_F(Difference, ComparesValuesAcrossTypesAndCallsANumberAndNoneInfinitelyFar) {
  const float nan = std::numeric_limits<float>::quiet_NaN();
  write_model("a", {{"x", floats({1, nan})}, {"y", floats({1, 1})}});
  write_model("b", {{"x", floats({1, 2})}, {"y", tensor_of<std::uint16_t>(DType::bf16, {0x3f80, 0x3f80})}});
  const ModelDifference difference = compare();
  ASSERT_EQ(difference.changed.size(), 2U);
  EXPECT_EQ(difference.changed[0].max_abs, std::numeric_limits<double>::infinity());
  EXPECT_EQ(difference.changed[1].differing, 0);
  EXPECT_EQ(difference.changed[1].b_type, "bf16");
}

TEST_F(Difference, NamesKeysAndFilesThatDiffer) {
  Table a{"made_up"}, b{"other"}, rope;
  rope.set("factor", {2.0, {}});
  a.set("rope", {rope, {}});
  a.set("size", {std::int64_t{3}, {}});
  b.set("size", {std::int64_t{3}, {}});
  write_model("a", {}, a, {{"tokenizer.json", "{}"}, {"merges.txt", "x"}});
  write_model("b", {}, b, {{"tokenizer.json", "{ }"}, {"merges.txt", "x"}});
  const ModelDifference difference = compare();
  ASSERT_EQ(difference.config.size(), 2U);
  EXPECT_EQ(difference.config[0].name, "model_type");
  EXPECT_EQ(difference.config[1].name, "rope.factor");
  EXPECT_EQ(difference.config[1].b, "");
  ASSERT_EQ(difference.files.size(), 1U);
  EXPECT_EQ(difference.files[0].name, "tokenizer.json");
}

}  // namespace
}  // namespace easylm::testing
