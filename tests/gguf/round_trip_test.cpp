// What is written is read back: settings, tensors by slices in any order, rows of heads, the tokenizer.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <limits>
#include <random>

#include "easylm/elements.h"
#include "easylm/error.h"
#include "gguf/header.h"
#include "gguf/reader.h"
#include "gguf/writer.h"
#include "support/plugin_host.h"
#include "support/temporary_folder.h"
#include "vectors.h"

namespace easylm::gguf {
namespace {

namespace fs = std::filesystem;

Value of(std::int64_t x) { return {x, {}}; }
Value of(double x) { return {x, {}}; }
Value of(bool x) { return {x, {}}; }

// Two blocks, 4 heads of 16, 2 for keys; rows that blocks of 32 fill.
Table small_config(bool ties_embeddings) {
  Table config{"llama"};
  config.set("vocab_size", of(std::int64_t{70}));
  config.set("hidden_size", of(std::int64_t{64}));
  config.set("intermediate_size", of(std::int64_t{96}));
  config.set("num_hidden_layers", of(std::int64_t{1}));
  config.set("num_attention_heads", of(std::int64_t{4}));
  config.set("num_key_value_heads", of(std::int64_t{2}));
  config.set("max_position_embeddings", of(std::int64_t{128}));
  config.set("rms_norm_eps", of(1e-5));
  config.set("rope_theta", of(5e5));
  config.set("tie_word_embeddings", of(ties_embeddings));
  return config;
}

std::vector<TensorInfo> small_tensors(DType dtype) {
  const std::string layer = "model.layers.0.";
  return {{"model.embed_tokens.weight", dtype, {70, 64}},
          {"model.norm.weight", dtype, {64}},
          {layer + "input_layernorm.weight", dtype, {64}},
          {layer + "post_attention_layernorm.weight", dtype, {64}},
          {layer + "self_attn.q_proj.weight", dtype, {64, 64}},
          {layer + "self_attn.k_proj.weight", dtype, {32, 64}},
          {layer + "self_attn.k_proj.bias", dtype, {32}},
          {layer + "self_attn.v_proj.weight", dtype, {32, 64}},
          {layer + "self_attn.o_proj.weight", dtype, {64, 64}},
          {layer + "mlp.gate_proj.weight", dtype, {96, 64}},
          {layer + "mlp.up_proj.weight", dtype, {96, 64}},
          {layer + "mlp.down_proj.weight", dtype, {64, 96}}};
}

class GgufFile : public ::testing::Test {
 protected:
  const fs::path& folder() const { return temporary_.path(); }
  fs::path file() const { return folder() / "model.gguf"; }

  static WritePlan small_plan(DType dtype = DType::f32) {
    WritePlan plan;
    plan.tensors = small_tensors(dtype);
    plan.model_config = small_config(true);
    return plan;
  }

  // Different numbers for every tensor.
  static std::vector<float> numbers_of(const TensorInfo& tensor) {
    std::mt19937 random(static_cast<unsigned>(std::hash<std::string>{}(tensor.name)));
    std::normal_distribution<float> normal;
    std::vector<float> numbers(static_cast<std::size_t>(tensor.num_bytes() / size_of(tensor.dtype)));
    std::ranges::generate(numbers,
                          [&] { return f16_to_f32(f32_to_f16(bf16_to_f32(f32_to_bf16(normal(random))))); });
    return numbers;
  }
  static std::vector<std::byte> content(const TensorInfo& tensor) {
    std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.num_bytes()));
    from_f32(numbers_of(tensor), tensor.dtype, bytes);
    return bytes;
  }

  // In slices of `size` bytes, shuffled over all tensors.
  void write_all(const WritePlan& plan, const std::string& quantise, std::size_t size = 1000) const {
    const auto writer = create_file(folder(), plan, quantise);
    std::vector<std::pair<std::size_t, std::int64_t>> slices;
    std::vector<std::vector<std::byte>> contents;
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      contents.push_back(content(plan.tensors[i]));
      for (std::int64_t at = 0; at < plan.tensors[i].num_bytes(); at += static_cast<std::int64_t>(size)) {
        slices.emplace_back(i, at);
      }
    }
    std::ranges::shuffle(slices, std::mt19937(3));
    for (const auto& [i, at] : slices) {
      const auto rest = std::span(contents[i]).subspan(static_cast<std::size_t>(at));
      writer->write(i, at, rest.first(std::min(size, rest.size())));
    }
    writer->finish();
  }

  static std::vector<float> read_all(const TensorReader& reader, std::size_t index) {
    const TensorInfo& tensor = reader.tensors()[index];
    std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.num_bytes()));
    reader.read(index, 0, bytes);
    std::vector<float> numbers(bytes.size() / static_cast<std::size_t>(size_of(tensor.dtype)));
    to_f32(tensor.dtype, bytes, numbers);
    return numbers;
  }

  template <typename Act>
  static Error error_of(Act act) {
    try {
      act();
    } catch (const Error& error) {
      return error;
    }
    return {ErrorCode::internal, "nothing was refused"};
  }

  void write_bytes(const std::string& bytes) const { std::ofstream(file(), std::ios::binary) << bytes; }

  testing::TemporaryFolder temporary_;
};

class EveryQuantise : public GgufFile, public ::testing::WithParamInterface<const char*> {};

TEST_P(EveryQuantise, ComesBackAsNearAsItsTypeIs) {
  for (const DType dtype : {DType::f32, DType::f16, DType::bf16}) {
    const WritePlan plan = small_plan(dtype);
    write_all(plan, GetParam(), 37);
    const auto reader = open_path(file());
    ASSERT_EQ(reader->tensors().size(), plan.tensors.size());
    const std::string name = GetParam();
    const float tolerance = name == "q8_0" ? 0.02F : name == "q4_0" || name == "q4_1" ? 0.5F : 0.0F;
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      const TensorInfo& read = reader->tensors()[i];
      const auto planned = std::ranges::find(plan.tensors, read.name, &TensorInfo::name);
      ASSERT_NE(planned, plan.tensors.end()) << read.name;
      EXPECT_EQ(read.shape, planned->shape);
      const std::vector<float> expected = numbers_of(*planned), got = read_all(*reader, i);
      ASSERT_EQ(got.size(), expected.size());
      const float allowed = read.shape.size() < 2 ? 0.0F : tolerance;
      for (std::size_t k = 0; k < got.size(); ++k)
        ASSERT_NEAR(got[k], expected[k], allowed) << read.name << k;
    }
    fs::remove(file());
  }
}

TEST_P(EveryQuantise, IsTheSameFileInWhateverSlicesItComes) {
  write_all(small_plan(), GetParam(), 100000);
  const std::string at_once = read_text(file());
  for (const std::size_t size : {4, 252, 256, 260}) {
    fs::remove(file());
    write_all(small_plan(), GetParam(), size);
    EXPECT_EQ(read_text(file()), at_once) << size;
  }
}

INSTANTIATE_TEST_SUITE_P(All, EveryQuantise,
                         ::testing::Values("none", "f32", "f16", "bf16", "q8_0", "q4_0", "q4_1"),
                         [](const auto& test) { return std::string(test.param); });

TEST_F(GgufFile, AnyPartOfATensorCanBeRead) {
  write_all(small_plan(), "q4_1");
  const auto reader = open_path(file());
  for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
    std::vector<std::byte> all(static_cast<std::size_t>(reader->tensors()[i].num_bytes()));
    reader->read(i, 0, all);
    std::mt19937 random(5);
    for (int round = 0; round < 100; ++round) {
      const std::size_t begin = random() % all.size(), size = random() % (all.size() - begin);
      std::vector<std::byte> part(size);
      reader->read(i, static_cast<std::int64_t>(begin), part);
      EXPECT_TRUE(std::ranges::equal(part, std::span(all).subspan(begin, size))) << reader->tensors()[i].name;
    }
  }
}

TEST_F(GgufFile, RowsOfHeadsAreInterleavedAndNothingElseMoves) {
  write_all(small_plan(), "none");
  const std::string bytes = read_text(file());
  const Header header = parse_header(std::as_bytes(std::span(bytes)), "file");
  const auto row_of = [&](const std::string& name, std::int64_t row) {
    const auto entry = std::ranges::find(header.entries, name, &Entry::name);
    std::vector<float> numbers(64);
    std::memcpy(numbers.data(), bytes.data() + entry->begin + row * 256, 256);
    return numbers;
  };
  const std::vector<float> query = numbers_of(small_tensors(DType::f32)[4]);
  const auto query_row = [&](std::size_t row) {
    return std::vector<float>(query.begin() + row * 64, query.begin() + row * 64 + 64);
  };
  EXPECT_EQ(row_of("blk.0.attn_q.weight", 0), query_row(0));
  EXPECT_EQ(row_of("blk.0.attn_q.weight", 1), query_row(8));  // the pair of row 0
  EXPECT_EQ(row_of("blk.0.attn_q.weight", 2), query_row(1));
  EXPECT_EQ(row_of("blk.0.attn_q.weight", 17), query_row(24));  // in the second head
  const std::vector<float> value = numbers_of(small_tensors(DType::f32)[7]);
  EXPECT_EQ(row_of("blk.0.attn_v.weight", 1), std::vector<float>(value.begin() + 64, value.begin() + 128));
}

TEST_F(GgufFile, PlainTensorsAreHandedOutWhereTheyLie) {
  write_all(small_plan(DType::bf16), "none");
  const auto reader = open_path(file());
  for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
    const TensorInfo& tensor = reader->tensors()[i];
    const bool moves =
        tensor.name.find("q_proj") != std::string::npos || tensor.name.find("k_proj") != std::string::npos;
    EXPECT_EQ(reader->view(i).empty(), moves) << tensor.name;
    EXPECT_TRUE(tensor.stored_type.empty());
    EXPECT_EQ(tensor.dtype, tensor.shape.size() < 2 ? DType::f32 : DType::bf16) << tensor.name;
  }
}

TEST_F(GgufFile, SaysHowTensorsAreStored) {
  write_all(small_plan(), "q4_0");
  const auto reader = open_path(file());
  for (const TensorInfo& tensor : reader->tensors()) {
    const bool is_embedding = tensor.name == "model.embed_tokens.weight";
    EXPECT_EQ(tensor.stored_type, tensor.shape.size() < 2 ? ""
                                  : is_embedding          ? "Q8_0"
                                                          : "Q4_0")
        << tensor.name;
    EXPECT_EQ(tensor.stored_bytes == 70 * 2 * 34, is_embedding) << tensor.name;
  }
}

TEST_F(GgufFile, SettingsComeBack) {
  Table rope;
  rope.set("rope_type", {std::string("llama3"), {}});
  rope.set("factor", of(32.0));
  rope.set("low_freq_factor", of(1.5));
  rope.set("high_freq_factor", of(4.0));
  rope.set("original_max_position_embeddings", of(std::int64_t{64}));
  WritePlan plan = small_plan();
  plan.model_config->set("rope_scaling", {rope, {}});
  write_all(plan, "none");
  const Table config = open_path(file())->model_config().value();
  EXPECT_EQ(config.type, "llama");
  for (const Setting& setting : plan.model_config->settings) {
    const Value* value = config.find(setting.key);
    ASSERT_NE(value, nullptr) << setting.key;
    EXPECT_EQ(json_text(*value), json_text(setting.value)) << setting.key;
  }
  EXPECT_EQ(*config.find("head_dim")->as<std::int64_t>(), 16);
}

TEST_F(GgufFile, TextsOfThePlanComeBack) {
  WritePlan plan = small_plan();
  plan.metadata = {{"easylm.note", "of the plan"}};
  write_all(plan, "none");
  const auto metadata = open_path(file())->metadata();
  EXPECT_NE(std::ranges::find(metadata, plan.metadata.front()), metadata.end());
  fs::remove(file());
  plan.metadata = {{"general.type", "taken"}};
  EXPECT_EQ(error_of([&] { create_file(folder(), plan, "none"); }).code(), ErrorCode::internal);
}

TEST_F(GgufFile, RotaryFactorsOfNoKnownScalingAreRefused) {
  std::string factors;
  for (const float x : {1.0F, 3.0F, 2.0F, 8.0F}) append_number(factors, x);
  HandMade made;
  made.text("general.architecture", "llama")
      .u32("llama.embedding_length", 32)
      .u32("llama.attention.head_count", 4);
  made.u32("llama.block_count", 1).u32("llama.feed_forward_length", 32).u32("llama.context_length", 64);
  made.u32("llama.vocab_size", 8).f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  made.tensor("rope_freqs.weight", {4}, 0, 0);
  std::string bytes = made.file(16);
  bytes.replace(bytes.size() - 16, 16, factors);
  write_bytes(bytes);
  const auto reader = open_path(file());
  EXPECT_TRUE(reader->tensors().empty());
  const Error error = error_of([&] { (void)reader->model_config(); });
  EXPECT_EQ(error.code(), ErrorCode::unsupported);
  EXPECT_NE(error.message().find("rope_freqs.weight"), std::string::npos) << error.message();
}

TEST_F(GgufFile, SettingsThatOurLlamaDoesNotComputeAreRefusedByName) {
  HandMade base;
  base.text("general.architecture", "llama")
      .u32("llama.embedding_length", 32)
      .u32("llama.attention.head_count", 4);
  base.u32("llama.block_count", 1).u32("llama.feed_forward_length", 32).u32("llama.context_length", 64);
  base.u32("llama.vocab_size", 8).f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
  const auto message = [&](HandMade made) {
    fs::remove(file());
    write_bytes(made.file());
    return error_of([&] { (void)open_path(file())->model_config(); }).message();
  };
  EXPECT_EQ(message(base), "nothing was refused");
  EXPECT_EQ(message(HandMade(base).u32("llama.expert_count", 0)), "nothing was refused");
  EXPECT_NE(message(HandMade(base).u32("llama.expert_count", 8)).find("\"llama.expert_count\""),
            std::string::npos);
  EXPECT_NE(message(HandMade(base).f32("llama.logit_scale", 2)).find("\"llama.logit_scale\""),
            std::string::npos);
  EXPECT_NE(message(HandMade(base).text("llama.rope.scaling.type", "yarn")).find("\"yarn\""),
            std::string::npos);
  EXPECT_NE(message(HandMade(base).u32("llama.rope.dimension_count", 4)).find("is 4, not 8"),
            std::string::npos);
  EXPECT_NE(message(HandMade(base).f32("llama.rope.freq_base", std::nanf(""))).find("no number"),
            std::string::npos);
  EXPECT_NE(message(HandMade(base).u32("llama.attention.head_count_kv", 3)).find("doesn't divide"),
            std::string::npos);
}

TEST_F(GgufFile, AnotherArchitectureIsListedUnderItsOwnNames) {
  const auto reader = open_path(vector_path("every_value.gguf"));
  EXPECT_EQ(reader->tensors().front().name, "bf16");
  EXPECT_EQ(reader->model_config()->type, "mamba");
  EXPECT_TRUE(reader->model_config()->settings.empty());
  EXPECT_TRUE(reader->tokenizer_files().empty());
}

TEST_F(GgufFile, OnePartOfSeveralIsRefused) {
  write_bytes(HandMade().text("general.architecture", "llama").u32("split.count", 2).file());
  EXPECT_EQ(error_of([&] { open_path(file()); }).code(), ErrorCode::unsupported);
}

TEST_F(GgufFile, AnUnfinishedFileCanNotBeRead) {
  const WritePlan plan = small_plan();
  {
    const auto writer = create_file(folder(), plan, "none");
    writer->write(0, 0, content(plan.tensors[0]));
    EXPECT_EQ(error_of([&] { writer->finish(); }).code(), ErrorCode::internal);
  }
  EXPECT_EQ(error_of([&] { open_path(file()); }).code(), ErrorCode::corrupt);
}

TEST_F(GgufFile, ANumberThatATypeCanNotHoldIsRefusedByName) {
  const std::pair<const char*, float> cases[] = {{"f16", 1e6F},
                                                 {"q8_0", std::numeric_limits<float>::infinity()},
                                                 {"q4_0", std::nanf("")},
                                                 {"q4_1", 1e30F}};
  for (const auto& [quantise, bad] : cases) {
    fs::remove(file());
    const WritePlan plan = small_plan();
    const auto writer = create_file(folder(), plan, quantise);
    std::vector<float> numbers = numbers_of(plan.tensors[4]);
    numbers[100] = bad;
    const Error error = error_of([&] { writer->write(4, 0, std::as_bytes(std::span(numbers))); });
    EXPECT_EQ(error.code(), ErrorCode::numeric) << quantise;
    EXPECT_NE(error.message().find("q_proj"), std::string::npos) << error.message();
  }
}

TEST_F(GgufFile, WhatGgufCanNotHoldIsRefused) {
  const auto message = [&](const WritePlan& plan, const char* quantise = "none") {
    return error_of([&] { create_file(folder(), plan, quantise); }).message();
  };
  WritePlan plan = small_plan();
  plan.model_config.reset();
  EXPECT_NE(message(plan).find("without a model's configuration"), std::string::npos);
  plan = small_plan();
  plan.model_config->type = "mamba";
  EXPECT_NE(message(plan).find("of type \"mamba\""), std::string::npos);
  plan = small_plan();
  plan.tensors.push_back({"exp_avg.0", DType::f32, {4}});
  EXPECT_NE(message(plan).find("\"exp_avg.0\""), std::string::npos);
  plan = small_plan();
  plan.tensors[0].dtype = DType::u8;
  EXPECT_NE(message(plan).find("type u8"), std::string::npos);
  plan = small_plan();
  plan.tensors[9].shape = {96, 48};
  EXPECT_NE(message(plan, "q8_0").find("rows of 48 numbers"), std::string::npos);
  plan = small_plan();
  plan.model_config->set("tie_word_embeddings", of(false));
  EXPECT_NE(message(plan).find("without a head"), std::string::npos);
  EXPECT_TRUE(fs::is_empty(folder()));
}

TEST_F(GgufFile, ThePluginIsInstalledUnderItsName) {
  testing::PluginHost host;
  write_all(small_plan(), "none");
  EXPECT_EQ(find_format(host, file()).name, "gguf");
  EXPECT_EQ(find_format(host, folder()).name, "gguf");
  fs::rename(file(), folder() / "weights");
  EXPECT_EQ(find_format(host, folder() / "weights").name, "gguf");
}

}  // namespace
}  // namespace easylm::gguf
