// What is written is read back: every type, odd shapes, shards, slices in any order, the files of a model.
#include <gtest/gtest.h>

#include <algorithm>
#include <fstream>
#include <numeric>
#include <random>

#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/shard_index.h"
#include "safetensors/reader.h"
#include "safetensors/writer.h"
#include "support/plugin_host.h"
#include "support/temporary_folder.h"

namespace easylm::safetensors {
namespace {

namespace fs = std::filesystem;

class SafetensorsTest : public ::testing::Test {
 protected:
  const fs::path& folder() const { return temporary_.path(); }

  // Different bytes for every tensor.
  static std::vector<std::byte> content(const TensorInfo& tensor) {
    std::mt19937 random(static_cast<unsigned>(std::hash<std::string>{}(tensor.name)));
    std::vector<std::byte> bytes(static_cast<std::size_t>(tensor.num_bytes()));
    for (std::byte& b : bytes) b = static_cast<std::byte>(random());
    return bytes;
  }

  void write_all(const WritePlan& plan, std::int64_t max_shard_bytes = 5'000'000'000) const {
    const auto writer = create_files(folder(), plan, max_shard_bytes);
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) writer->write(i, 0, content(plan.tensors[i]));
    writer->finish();
  }

  static void expect_all(const TensorReader& reader, const WritePlan& plan) {
    ASSERT_EQ(reader.tensors().size(), plan.tensors.size());
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      const TensorInfo& read = reader.tensors()[i];
      if (i > 0) {
        EXPECT_LT(reader.tensors()[i - 1].name, read.name);
      }
      const auto planned = std::find_if(plan.tensors.begin(), plan.tensors.end(),
                                        [&](const TensorInfo& tensor) { return tensor.name == read.name; });
      ASSERT_NE(planned, plan.tensors.end()) << read.name;
      EXPECT_EQ(read.dtype, planned->dtype);
      EXPECT_EQ(read.shape, planned->shape);
      EXPECT_TRUE(std::ranges::equal(reader.view(i), content(*planned))) << read.name;
      std::vector<std::byte> copy(static_cast<std::size_t>(read.num_bytes()));
      const std::size_t half = copy.size() / 2;
      reader.read(i, 0, std::span(copy).first(half));
      reader.read(i, static_cast<std::int64_t>(half), std::span(copy).subspan(half));
      EXPECT_TRUE(std::ranges::equal(copy, content(*planned))) << read.name;
    }
  }

  std::string message_of(const fs::path& path) const {
    try {
      open_path(path);
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal);
      return error.message();
    }
    return "accepted";
  }

  void write_text(const std::string& name, const std::string& text) const {
    std::ofstream(folder() / name, std::ios::binary) << text;
  }

  std::string read_text(const std::string& name) const {
    std::ifstream in(folder() / name, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }

  testing::TemporaryFolder temporary_;
};

WritePlan every_type() {
  WritePlan plan;
  for (const DType dtype : {DType::f64, DType::f32, DType::f16, DType::bf16, DType::i64, DType::i32,
                            DType::i16, DType::i8, DType::u8, DType::boolean}) {
    const std::string name(name_of(dtype));
    plan.tensors.push_back({name + ".matrix", dtype, {3, 5}});
    plan.tensors.push_back({name + ".scalar", dtype, {}});
    plan.tensors.push_back({name + ".empty", dtype, {4, 0, 2}});
    plan.tensors.push_back({name + ".deep", dtype, {1, 2, 1, 3, 1, 2, 1}});
  }
  return plan;
}

TEST_F(SafetensorsTest, ReadsBackEveryTypeAndShape) {
  write_all(every_type());
  expect_all(*open_path(folder()), every_type());
  expect_all(*open_path(folder() / "model.safetensors"), every_type());
}

TEST_F(SafetensorsTest, EveryTensorIsAlignedToItsElements) {
  write_all(every_type());
  const auto reader = open_path(folder());
  for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
    const auto address = reinterpret_cast<std::uintptr_t>(reader->view(i).data());
    EXPECT_EQ(address % static_cast<std::uintptr_t>(size_of(reader->tensors()[i].dtype)), 0U)
        << reader->tensors()[i].name;
  }
}

TEST_F(SafetensorsTest, ASetOfNoTensorsIsAFileToo) {
  write_all({});
  EXPECT_TRUE(open_path(folder())->tensors().empty());
  EXPECT_EQ(open_path(folder())->metadata().front().second, "pt");
}

TEST_F(SafetensorsTest, SlicesMayComeInAnyOrder) {
  WritePlan plan;
  plan.tensors = {{"a", DType::f32, {100}}, {"b", DType::u8, {333}}};
  const auto writer = create_files(folder(), plan, 1 << 30);
  std::vector<std::pair<std::size_t, std::int64_t>> slices;
  for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
    for (std::int64_t at = 0; at < plan.tensors[i].num_bytes(); at += 7) slices.emplace_back(i, at);
  }
  std::shuffle(slices.begin(), slices.end(), std::mt19937(3));
  for (const auto& [i, at] : slices) {
    const auto bytes = content(plan.tensors[i]);
    const auto rest = std::span(bytes).subspan(static_cast<std::size_t>(at));
    writer->write(i, at, rest.first(std::min<std::size_t>(7, rest.size())));
  }
  writer->finish();
  expect_all(*open_path(folder()), plan);
}

TEST_F(SafetensorsTest, AFileThatWasNotFinishedCannotBeRead) {
  WritePlan plan;
  plan.tensors = {{"a", DType::f32, {100}}};
  {
    const auto writer = create_files(folder(), plan, 1 << 30);
    writer->write(0, 0, content(plan.tensors[0]));
  }
  EXPECT_NE(message_of(folder()).find("never finished"), std::string::npos) << message_of(folder());
}

TEST_F(SafetensorsTest, RefusesBytesThatAreMissingDoubleOrOutside) {
  WritePlan plan;
  plan.tensors = {{"a", DType::u8, {100}}};
  const auto writer = create_files(folder(), plan, 1 << 30);
  const std::vector<std::byte> ten(10);
  EXPECT_THROW(writer->finish(), Error);
  writer->write(0, 20, ten);
  for (const std::int64_t at : {11, 20, 25, 29, 91, 100, -1})
    EXPECT_THROW(writer->write(0, at, ten), Error) << at;
  EXPECT_THROW(writer->write(1, 0, ten), Error);
  for (const std::int64_t at : {0, 10, 30, 40, 50, 60, 70, 80}) writer->write(0, at, ten);
  try {
    writer->finish();
    FAIL() << "a hole was accepted";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::internal);
    EXPECT_EQ(error.message().rfind("10 bytes of tensor 'a' were never written", 0), 0U) << error.message();
  }
  writer->write(0, 90, ten);
  EXPECT_NO_THROW(writer->finish());
}

TEST_F(SafetensorsTest, CutsLargeSetsIntoShardsWithAnIndex) {
  WritePlan plan;
  for (int i = 0; i < 10; ++i) plan.tensors.push_back({"layer." + std::to_string(i), DType::f32, {100}});
  plan.tensors.push_back({"large", DType::f32, {1000}});
  write_all(plan, 1000);  // two a shard, and the large one by itself
  EXPECT_TRUE(fs::exists(folder() / "model-00001-of-00006.safetensors"));
  EXPECT_TRUE(fs::exists(folder() / "model-00006-of-00006.safetensors"));
  EXPECT_FALSE(fs::exists(folder() / "model.safetensors"));
  expect_all(*open_path(folder()), plan);
  const Table index = parse_json_object(read_text("model.safetensors.index.json"), "index");
  EXPECT_EQ(*index.find("metadata")->as<Table>()->find("total_size")->as<std::int64_t>(), 8000);
  EXPECT_EQ(probe_path(folder()), 100);
}

TEST_F(SafetensorsTest, OtherSetsHaveTheirOwnStemAndNoConfig) {
  WritePlan plan;
  plan.stem = "optimizer";
  plan.model_config = Table{"llama"};
  for (int i = 0; i < 4; ++i) plan.tensors.push_back({"m." + std::to_string(i), DType::f32, {100}});
  write_all(plan, 400);
  EXPECT_FALSE(fs::exists(folder() / "config.json"));
  expect_all(*open_path(folder() / "optimizer.safetensors"), plan);
  EXPECT_FALSE(open_path(folder() / "optimizer.safetensors")->model_config());
}

TEST_F(SafetensorsTest, NeverOverwritesAFile) {
  write_all({});
  EXPECT_THROW(write_all({}), Error);
}

TEST_F(SafetensorsTest, WritesAndReadsTheFilesOfAModel) {
  WritePlan plan;
  plan.model_config = parse_json_object(R"({"architectures": ["LlamaForCausalLM"], "hidden_size": 256,
    "rms_norm_eps": 1e-05, "tie_word_embeddings": false, "eos_token_id": [2, 3], "bos_token_id": 1,
    "rope_scaling": {"rope_type": "llama3", "factor": 8.0}})",
                                        "test");
  plan.model_config->type = "llama";
  plan.files = {{"tokenizer.json", "{\"x\": 1}"}, {"chat_template.jinja", "{{ x }}"}};
  write_all(plan);
  const auto reader = open_path(folder());
  const Table config = reader->model_config().value();
  EXPECT_EQ(config.type, "llama");
  EXPECT_EQ(config.find("model_type"), nullptr);
  EXPECT_EQ(config.settings.front().key, "architectures");
  EXPECT_EQ(*config.find("rms_norm_eps")->as<double>(), 1e-5);
  EXPECT_EQ(config.find("hidden_size")->origin.source, "checkpoint");
  EXPECT_EQ(*config.find("rope_scaling")->as<Table>()->find("factor")->as<double>(), 8.0);
  EXPECT_NE(read_text("config.json").find("\"model_type\": \"llama\""), std::string::npos);
  EXPECT_EQ(read_text("generation_config.json"),
            "{\n  \"bos_token_id\": 1,\n  \"eos_token_id\": [2, 3]\n}\n");
  std::vector<std::string> names;
  for (const NamedFile& file : reader->tokenizer_files()) names.push_back(file.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"tokenizer.json", "chat_template.jinja", "generation_config.json"}));
}

TEST_F(SafetensorsTest, GivenFilesWinOverMadeOnes) {
  WritePlan plan;
  plan.model_config = Table{"llama"};
  plan.files = {{"generation_config.json", "{\"temperature\": 0.6}"}};
  write_all(plan);
  EXPECT_EQ(read_text("generation_config.json"), "{\"temperature\": 0.6}");
  plan.files = {{"../outside.json", ""}};
  EXPECT_THROW(create_files(folder(), plan, 1), Error);
}

TEST_F(SafetensorsTest, ReadsAConfigAsOthersWriteIt) {
  write_all({});
  write_text("config.json", R"({"model_type": "llama", "rope_scaling": null, "rope_theta": 500000.0,
    "bos_token_id": 1, "torch_dtype": "bfloat16", "huge": 18446744073709551615})");
  const Table config = open_path(folder())->model_config().value();
  EXPECT_EQ(config.type, "llama");
  EXPECT_EQ(config.find("rope_scaling"), nullptr);
  EXPECT_EQ(*config.find("rope_theta")->as<double>(), 500000.0);
  EXPECT_EQ(*config.find("bos_token_id")->as<std::int64_t>(), 1);
  for (const char* bad : {"[]", "{", "{\"a\":1,\"a\":2}", ""}) {
    write_text("config.json", bad);
    EXPECT_THROW(open_path(folder())->model_config(), Error) << bad;
  }
}

TEST_F(SafetensorsTest, RefusesAnIndexThatDoesNotFitItsShards) {
  WritePlan plan;
  for (int i = 0; i < 3; ++i) plan.tensors.push_back({"t" + std::to_string(i), DType::u8, {4}});
  write_all(plan, 4);
  const std::string index_name = "model.safetensors.index.json";
  const WeightMap good = parse_index(read_text(index_name), "index");
  const auto message_with = [&](const std::function<void(WeightMap&)>& change) {
    WeightMap map = good;
    change(map);
    write_text(index_name, index_text(map, 12));
    return message_of(folder());
  };
  EXPECT_EQ(message_with([](WeightMap&) {}), "accepted");
  const auto contains = [](const std::string& text, const char* part) {
    EXPECT_NE(text.find(part), std::string::npos) << text;
  };
  contains(message_with([](WeightMap& m) { m["extra"] = m["t0"]; }),
           "\"extra\" is in the index, but not here");
  contains(message_with([](WeightMap& m) { m["t1"] = m["t0"]; }), "\"t1\" is in the index, but not here");
  contains(message_with([](WeightMap& m) { m["t3"] = "no.safetensors"; }), "no.safetensors isn't there");
  for (const char* file : {"../x", "/etc/passwd", "..", ".", "", "a/b"}) {
    contains(message_with([&](WeightMap& m) { m["t0"] = file; }), "which is no file of its folder");
  }
  fs::copy_file(folder() / "model-00001-of-00003.safetensors", folder() / "model-00002-of-00003.safetensors",
                fs::copy_options::overwrite_existing);
  contains(message_with([](WeightMap&) {}), "\"t0\" is here, but not in the index");
  for (const char* bad :
       {"", "{}", "[]", "{\"weight_map\":{}}", "{\"weight_map\":[]}", "{\"weight_map\":null}",
        "{\"weight_map\":{\"a\":1}}", "{\"weight_map\":{\"a\":{}}}", "{\"weight_map\":\"a\"}",
        "{\"weight_map\":{\"a\":\"b\",\"a\":\"c\"}}", "{\"weight_map\":{\"a\":\"b\"},\"weight_map\":{}}",
        "[{\"weight_map\":{\"a\":\"b\"}}]"}) {
    write_text(index_name, bad);
    contains(message_of(folder()), index_name.c_str());
  }
}

TEST_F(SafetensorsTest, RefusesAFileThatWasCutAnywhere) {
  write_all(every_type());
  const fs::path file = folder() / "model.safetensors";
  const auto size = static_cast<std::int64_t>(fs::file_size(file));
  for (std::int64_t cut = (size - 1) / 64 * 64; cut >= 0; cut -= 64) {
    fs::resize_file(file, static_cast<std::uintmax_t>(cut));
    EXPECT_EQ(message_of(folder()).rfind(file.string(), 0), 0U) << cut << ": " << message_of(folder());
  }
}

TEST_F(SafetensorsTest, SaysSoIfAFileIsCutWhileItIsRead) {
  write_all({.tensors = {{"a", DType::f32, {4096}}}});
  const auto reader = open_path(folder() / "model.safetensors");
  std::vector<std::byte> bytes(std::size_t{4} * 4096);
  EXPECT_NO_THROW(reader->read(0, 0, bytes));
  fs::resize_file(folder() / "model.safetensors", 1000);
  try {
    reader->read(0, 0, bytes);
    ADD_FAILURE() << "half a tensor was called a tensor";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::io);
    EXPECT_NE(error.message().find("model.safetensors"), std::string::npos) << error.message();
  }
}

TEST_F(SafetensorsTest, RecognisesItsOwn) {
  EXPECT_EQ(probe_path(folder()), 0);
  EXPECT_EQ(probe_path(folder() / "nothing.safetensors"), 0);
  write_text("letter.txt", "Dear aunt, {\"a\": 1}");
  EXPECT_EQ(probe_path(folder() / "letter.txt"), 0);
  write_all(every_type());
  EXPECT_EQ(probe_path(folder()), 100);
  fs::copy_file(folder() / "model.safetensors", folder() / "weights");
  EXPECT_EQ(probe_path(folder() / "weights"), 50);
  expect_all(*open_path(folder() / "weights"), every_type());
  EXPECT_NE(message_of(folder() / "none").find("holds no safetensors weights"), std::string::npos);
}

TEST_F(SafetensorsTest, WorksAsAPlugin) {
  testing::PluginHost host;
  Table table{"safetensors"};
  table.set("max_shard_size", {std::int64_t{400}, {}});
  const auto format = host.make<CheckpointFormat>(table);
  WritePlan plan;
  for (int i = 0; i < 4; ++i) plan.tensors.push_back({"t" + std::to_string(i), DType::f32, {100}});
  const auto writer = format->create(folder(), plan);
  for (std::size_t i = 0; i < 4; ++i) writer->write(i, 0, content(plan.tensors[i]));
  writer->finish();
  EXPECT_TRUE(fs::exists(folder() / "model-00004-of-00004.safetensors"));
  EXPECT_EQ(format->probe(folder()), 100);
  expect_all(*format->open(folder()), plan);
}

}  // namespace
}  // namespace easylm::safetensors
