// Files of the Python EasyLM and flax, read as Hugging Face's weights and written so that they read back.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <random>

#include "easylm/error.h"
#include "easylm_stream/reader.h"
#include "easylm_stream/writer.h"
#include "support/checkpoint_vectors.h"
#include "support/plugin_host.h"
#include "support/temporary_folder.h"

namespace easylm::stream {
namespace {

namespace fs = std::filesystem;
using testing::checkpoint_vector;

const HeadCounts kHeads{4, 0};

Table config() {
  Table table{"llama"};
  table.set("num_attention_heads", {std::int64_t{4}, {}});
  return table;
}

class EasylmStream : public ::testing::Test {
 protected:
  std::unique_ptr<TensorReader> open(const fs::path& path, const HeadCounts& heads = kHeads) {
    return open_path(host_, path, heads);
  }
  std::unique_ptr<TensorReader> expected() {
    return find_format(host_, checkpoint_vector("easylm/expected.safetensors"))
        .format->open(checkpoint_vector("easylm/expected.safetensors"));
  }

  // What `reader` holds, written in slices of `slice` bytes that come in any order.
  void write_all(const TensorReader& reader, const WriteOptions& options, std::size_t slice) const {
    WritePlan plan;
    plan.model_config = config();
    plan.tensors.assign(reader.tensors().begin(), reader.tensors().end());
    const auto writer = create_file(folder(), plan, options);
    std::vector<std::pair<std::size_t, std::size_t>> slices;
    for (std::size_t i = 0; i < plan.tensors.size(); ++i) {
      for (std::size_t at = 0; at < static_cast<std::size_t>(plan.tensors[i].num_bytes()); at += slice) {
        slices.emplace_back(i, at);
      }
    }
    std::shuffle(slices.begin(), slices.end(), std::mt19937(5));
    for (const auto& [i, at] : slices) {
      const auto bytes = testing::bytes_of(reader, i);
      writer->write(i, static_cast<std::int64_t>(at),
                    std::span(bytes).subspan(at, std::min(slice, bytes.size() - at)));
    }
    writer->finish();
  }

  const fs::path& folder() const { return temporary_.path(); }

  testing::PluginHost host_;
  testing::TemporaryFolder temporary_;
};

TEST_F(EasylmStream, ReadsWhatFlaxWrote) {
  for (const char* name :
       {"streaming_params", "streaming_train_state", "flax_params", "flax_chunked", "streaming_chunked"}) {
    SCOPED_TRACE(name);
    const fs::path path = checkpoint_vector(std::string("easylm/") + name);
    testing::expect_same(*open(path), *expected());
    EXPECT_EQ(probe_path(path), 60);
  }
}

TEST_F(EasylmStream, CountsWhatATrainStateHoldsBesideItsWeights) {
  const auto metadata = open(checkpoint_vector("easylm/streaming_train_state"))->metadata();
  ASSERT_EQ(metadata.size(), 2U);
  EXPECT_EQ(metadata[0], (std::pair<std::string, std::string>("step", "1234")));
  EXPECT_EQ(metadata[1].first, "opt_state");
  EXPECT_EQ(metadata[1].second.rfind("5 values of ", 0), 0U) << metadata[1].second;
}

TEST_F(EasylmStream, WritesTheBytesThatItRead) {
  const auto source = expected();
  write_all(*source, {}, 7);
  testing::expect_same(*open(folder() / "model.stream"), *source);
  // The same records as EasyLM's file, though in another order.
  EXPECT_EQ(fs::file_size(folder() / "model.stream"),
            fs::file_size(checkpoint_vector("easylm/streaming_params")));
}

TEST_F(EasylmStream, WritesEitherFormInOneSliceOrMany) {
  const auto source = expected();
  for (const Form form : {Form::stream, Form::flax}) {
    for (const std::int64_t chunk : {std::int64_t{200}, kChunkBytes}) {
      write_all(*source, {form, chunk}, chunk == 200 ? 1 << 20 : 100);
      const fs::path file = folder() / (form == Form::stream ? "model.stream" : "model.msgpack");
      testing::expect_same(*open(file), *source);
      for (const char* name : {"model.stream", "model.msgpack", "config.json", "generation_config.json"}) {
        fs::remove(folder() / name);
      }
    }
  }
}

TEST_F(EasylmStream, AFileThatWasNeverFinishedIsNoFile) {
  WritePlan plan;
  plan.tensors = {{"model.norm.weight", DType::f32, {4}}};
  const auto writer = create_file(folder(), plan, {});
  const std::vector<std::byte> bytes(16, std::byte{0x92});
  writer->write(0, 0, bytes);
  EXPECT_EQ(probe_path(folder() / "model.stream"), 0);
  EXPECT_THROW(open(folder() / "model.stream"), Error);
  writer->finish();
  EXPECT_EQ(open(folder() / "model.stream")->tensors().size(), 1U);
}

std::string message_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_NE(error.code(), ErrorCode::internal) << error.message();
    EXPECT_FALSE(error.hint().empty());
    return error.message();
  }
  return "accepted";
}

void contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST_F(EasylmStream, WithoutTheNumberOfHeadsQueriesAndKeysCantBeRead) {
  const fs::path path = checkpoint_vector("easylm/streaming_params");
  const auto reader = open(path, {});
  for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
    const std::string& name = reader->tensors()[i].name;
    const bool is_rotary =
        name.find("q_proj") != std::string::npos || name.find("k_proj") != std::string::npos;
    const std::string message = message_of([&] { testing::bytes_of(*reader, i); });
    if (is_rotary) {
      contains(message, path.string() + ": tensor \"" + name + "\"");
      contains(message, "how many heads");
    } else {
      EXPECT_EQ(message, "accepted");
    }
  }
  const auto wrong = open(path, {3, 0});
  const auto tensors = wrong->tensors();
  const auto query = std::find_if(tensors.begin(), tensors.end(), [](const TensorInfo& tensor) {
    return tensor.name == "model.layers.0.self_attn.q_proj.weight";
  });
  contains(message_of([&] { testing::bytes_of(*wrong, static_cast<std::size_t>(query - tensors.begin())); }),
           "no whole heads if queries have 3");
}

TEST_F(EasylmStream, SizesComeFromConfigJsonOrFromShapes) {
  const auto bare = open(checkpoint_vector("easylm/streaming_params"), {})->model_config();
  ASSERT_TRUE(bare.has_value());
  EXPECT_EQ(bare->type, "llama");
  EXPECT_EQ(*bare->find("vocab_size")->as<std::int64_t>(), 16);
  EXPECT_EQ(*bare->find("hidden_size")->as<std::int64_t>(), 16);
  EXPECT_EQ(*bare->find("intermediate_size")->as<std::int64_t>(), 20);
  EXPECT_EQ(*bare->find("num_hidden_layers")->as<std::int64_t>(), 2);
  EXPECT_EQ(bare->find("num_attention_heads"), nullptr);
  EXPECT_EQ(host_.warnings.size(), 1U);
  const auto known = open(checkpoint_vector("easylm/streaming_params"))->model_config();
  EXPECT_EQ(*known->find("num_attention_heads")->as<std::int64_t>(), 4);
  EXPECT_EQ(*known->find("num_key_value_heads")->as<std::int64_t>(), 2);
  fs::copy_file(checkpoint_vector("easylm/streaming_params"), folder() / "streaming_params");
  std::ofstream(folder() / "config.json")
      << R"({"model_type": "llama", "num_attention_heads": 4, "eos_token_id": 2})";
  testing::expect_same(*open(folder(), {}), *expected());
  EXPECT_NE(open(folder(), {})->model_config()->find("eos_token_id"), nullptr);
}

TEST_F(EasylmStream, AFolderMustHoldOneFile) {
  EXPECT_EQ(probe_path(folder()), 0);
  contains(message_of([&] { open(folder()); }), "no file of the Python EasyLM");
  fs::copy_file(checkpoint_vector("easylm/streaming_params"), folder() / "streaming_params");
  EXPECT_EQ(probe_path(folder()), 80);
  fs::copy_file(checkpoint_vector("easylm/streaming_train_state"), folder() / "streaming_train_state");
  contains(message_of([&] { open(folder()); }), "holds both streaming_params and streaming_train_state");
}

TEST_F(EasylmStream, RefusesWhatItCantHold) {
  const auto create = [&](TensorInfo tensor, std::optional<Table> model_config) {
    WritePlan plan;
    plan.tensors = {std::move(tensor)};
    plan.model_config = std::move(model_config);
    return message_of([&] { create_file(folder(), plan, {}); });
  };
  const std::string query = "model.layers.0.self_attn.q_proj.weight";
  contains(create({"model.layers.0.self_attn.q_proj.bias", DType::f32, {16}}, config()), "has no place");
  contains(create({query, DType::f32, {16, 16}}, std::nullopt), "how many heads");
  contains(create({query, DType::f32, {18, 16}}, config()), "how many heads");
  contains(create({query, DType::f32, {16}}, config()), "is no matrix");
  contains(create({"lm_head.weight", DType::f32, {std::int64_t{1} << 16, std::int64_t{1} << 15}}, config()),
           "4 GB");
  EXPECT_TRUE(fs::is_empty(folder()));
}

TEST_F(EasylmStream, WorksAsAPlugin) {
  const auto format = host_.make<CheckpointFormat>(testing::table_of(
      "easylm_stream",
      {{"form", {std::string("flax"), {}}}, {"num_attention_heads", {std::int64_t{4}, {}}}}));
  testing::expect_same(*format->open(checkpoint_vector("easylm/flax_params")), *expected());
  EXPECT_EQ(find_format(host_, checkpoint_vector("easylm/streaming_train_state")).name, "easylm_stream");
  auto* with_config = extension_of<ReadsWithConfig>(*format);
  ASSERT_NE(with_config, nullptr);
  testing::expect_same(*with_config->open(checkpoint_vector("easylm/streaming_params"), config()),
                       *expected());
  WritePlan plan;
  plan.tensors = {{"model.norm.weight", DType::f32, {4}}};
  format->create(folder(), plan);
  EXPECT_TRUE(fs::exists(folder() / "model.msgpack"));
}

}  // namespace
}  // namespace easylm::stream
