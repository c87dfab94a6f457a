// Conversions: what comes out, what is refused, and that a failure leaves nothing.
#include "easylm/conversion.h"

#include <gtest/gtest.h>

#include <fstream>

#include "checkpoint/model_fixture.h"
#include "checkpoint/new_output.h"
#include "easylm/huggingface_folder.h"

namespace easylm::testing {
namespace {

class Conversion : public ModelTest {
 protected:
  ConversionReport convert(const std::string& from, const std::string& to, std::optional<DType> dtype = {}) {
    return convert_model(host_,
                         {.from = path(from), .to = path(to), .format = table_of("hf"), .dtype = dtype});
  }

  static Table made_up() {
    Table config{"made_up"};
    config.set("torch_dtype", {std::string("float32"), {}});
    return config;
  }

  static inline const StoredTensors kTensors = {
      {"a", floats({1, -0.0F, 70000, 1e-8F})},
      {"b", tensor_of<std::int64_t>(DType::i64, {-1, std::int64_t{1} << 40})},
      {"empty", {DType::f32, {0, 3}, {}}},
      {"scalar", {DType::bf16, {}, std::vector<std::byte>(2)}}};
};

TEST_F(Conversion, KeepsEveryByteUnlessTold) {
  write_model("in", kTensors, {}, {{"tokenizer.json", "{}"}, {"generation_config.json", "{ }"}});
  const ConversionReport report = convert("in", "out");
  EXPECT_EQ(read_model(path("out")), kTensors);
  EXPECT_EQ(read_small_file(path("out") / "tokenizer.json", 10), "{}");
  EXPECT_EQ(read_small_file(path("out") / "generation_config.json", 10), "{ }");
  EXPECT_EQ(report.from_format, "safetensors");
  EXPECT_EQ(report.tensors.size(), 4U);
  EXPECT_NE(report.unchecked, "");
  EXPECT_EQ(names(), (std::vector<std::string>{"in", "out"}));
}

TEST_F(Conversion, RoundsFloatsAloneAndCountsWhatBecameInfinite) {
  write_model("in", kTensors, made_up());
  host_.expected = {
      {"a", DType::f32, {4}}, {"b", DType::f32, {2}}, {"empty", DType::f32, {0, 3}}, {"scalar"}};
  const ConversionReport report = convert("in", "out", DType::f16);
  const StoredTensors out = read_model(path("out"));
  EXPECT_EQ(out.at("a"), tensor_of<std::uint16_t>(DType::f16, {0x3c00, 0x8000, 0x7c00, 0x0000}));
  EXPECT_EQ(out.at("b"), kTensors.at("b"));
  EXPECT_EQ(report.tensors.at(0).became_infinite, 1);
  EXPECT_EQ(report.tensors.at(0).to, "f16");
  EXPECT_EQ(report.unchecked, "");
  EXPECT_NE(conversion_text(report).find("infinity"), std::string::npos);
  EXPECT_EQ(*read_model_config(path("out"))->find("torch_dtype")->as<std::string>(), "float16");
}

TEST_F(Conversion, CopiesATensorOfManySlices) {
  StoredTensors large = {{"wide", {DType::f32, {3, 3'000'000}, {}}},
                         {"tall", {DType::f32, {1'100'001, 3}, {}}}};
  for (auto& [name, tensor] : large) {
    tensor.bytes.resize(static_cast<std::size_t>(tensor.shape[0] * tensor.shape[1]) * 4);
    for (std::size_t i = 0; i < tensor.bytes.size(); i += 7)
      tensor.bytes[i] = static_cast<std::byte>(i >> 3U);
  }
  write_model("in", large);
  convert("in", "out");
  EXPECT_TRUE(read_model(path("out")) == large);
}

TEST_F(Conversion, NamesWhatIsMissingTooMuchOrOfAnotherShape) {
  write_model("in", {{"a", floats({1})}, {"b", floats({1, 2})}}, made_up());
  host_.expected = {{"a", DType::f32, {2}}, {"c", DType::f32, {1}}};
  const Error error = error_of([&] { convert("in", "out"); });
  EXPECT_EQ(error.code(), ErrorCode::corrupt);
  for (const char* part :
       {"a is [1], expected [2]", "b is in the file but not in the model", "c is missing"}) {
    EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
  }
  EXPECT_EQ(names(), std::vector<std::string>{"in"});
}

TEST_F(Conversion, LeavesOutWhatEveryModelWorksOutForItself) {
  const StoredTensor same = floats({1, 2});
  for (const std::string embedding : {"model.embed_tokens.weight", "transformer.wte.weight"}) {
    const std::string in = "in " + embedding, out = "out " + embedding;
    write_model(in,
                {{embedding, same},
                 {"lm_head.weight", same},
                 {"model.layers.0.self_attn.rotary_emb.inv_freq", floats({3})}},
                made_up());
    host_.expected = {{embedding, DType::f32, {2}}};
    const ConversionReport report = convert(in, out);
    EXPECT_EQ(report.left_out.size(), 2U);
    EXPECT_EQ(read_model(path(out)), (StoredTensors{{embedding, same}}));
  }
}

TEST_F(Conversion, RefusesAHeadThatIsNotTheEmbeddingToWhichItIsTied) {
  write_model("in", {{"model.embed_tokens.weight", floats({1, 2})}, {"lm_head.weight", floats({1, 3})}},
              made_up());
  host_.expected = {{"model.embed_tokens.weight", DType::f32, {2}}};
  EXPECT_NE(error_of([&] { convert("in", "out"); }).message().find("lm_head.weight is in the file"),
            std::string::npos);
}

TEST_F(Conversion, WritesNothingOverAnythingAndNothingIntoItsSource) {
  write_model("in", kTensors);
  write_model("there", {});
  EXPECT_NE(error_of([&] { convert("in", "there"); }).message().find("is there already"), std::string::npos);
  EXPECT_NE(error_of([&] { convert("in", "in"); }).message().find("is what is to be read"),
            std::string::npos);
  EXPECT_NE(error_of([&] { convert("in", "in/x"); }).message().find("lies within"), std::string::npos);
  EXPECT_NE(error_of([&] { convert("in", "there/model.safetensors/x"); }).message().find("mkdir failed"),
            std::string::npos);
  EXPECT_EQ(names(), (std::vector<std::string>{"in", "there"}));
}

TEST_F(Conversion, WritesASingleFileWhereTheNameEndsAsTheFormatsFileDoes) {
  write_model("in", kTensors);
  convert("in", "one.safetensors");
  EXPECT_TRUE(std::filesystem::is_regular_file(path("one.safetensors")));
  EXPECT_EQ(read_model(path("one.safetensors")), kTensors);
  write_model("more", kTensors, {}, {{"tokenizer.json", "{}"}});
  EXPECT_NE(error_of([&] { convert("more", "two.safetensors"); }).message().find("would be one file"),
            std::string::npos);
  EXPECT_EQ(names(), (std::vector<std::string>{"in", "more", "one.safetensors"}));
}

TEST_F(Conversion, StopsWhenToldAndLeavesNothing) {
  write_model("in", kTensors);
  host_.stop_token.request(15);
  EXPECT_EQ(error_of([&] { convert("in", "out"); }).code(), ErrorCode::interrupted);
  EXPECT_EQ(names(), std::vector<std::string>{"in"});
}

TEST_F(Conversion, RemovesWhatADeadProcessLeftAndNotWhatALivingOneWrites) {
  write_model("in", kTensors);
  std::filesystem::create_directory(path(".out.tmp-1"));
  std::ofstream(path(".out.tmp-1") / "model.safetensors") << "half";
  FileSystem files;
  std::filesystem::create_directory(path(".out.tmp-2"));
  const FolderLock living = files.try_lock(path(".out.tmp-2"));
  convert("in", "out");
  EXPECT_EQ(names(), (std::vector<std::string>{".out.tmp-2", "in", "out"}));
}

TEST_F(Conversion, KnowsTheNamesOfElementTypes) {
  EXPECT_EQ(wanted_dtype("bf16"), DType::bf16);
  EXPECT_FALSE(wanted_dtype("keep"));
  EXPECT_EQ(error_of([] { wanted_dtype("int8"); }).code(), ErrorCode::invalid_config);
}

}  // namespace
}  // namespace easylm::testing
