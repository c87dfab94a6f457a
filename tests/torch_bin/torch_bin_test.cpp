// Files of torch.save, read right or refused; nothing in them is ever run.
#include <gtest/gtest.h>

#include <fstream>
#include <functional>

#include "easylm/error.h"
#include "support/checkpoint_vectors.h"
#include "support/plugin_host.h"
#include "support/temporary_folder.h"
#include "torch_bin/llama_original.h"
#include "torch_bin/reader.h"

namespace easylm::torch_bin {
namespace {

namespace fs = std::filesystem;
using testing::checkpoint_vector;

class TorchBin : public ::testing::Test {
 protected:
  std::unique_ptr<TensorReader> safetensors(const std::string& name) {
    const fs::path path = checkpoint_vector(name);
    return find_format(host_, path).format->open(path);
  }
  const fs::path& folder() const { return temporary_.path(); }
  void copy(const std::string& from) const {
    fs::copy(checkpoint_vector(from), folder(), fs::copy_options::recursive);
  }
  static std::string read_text(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
  }
  static void write_text(const fs::path& file, const std::string& text) {
    std::ofstream(file, std::ios::binary) << text;
  }

  testing::PluginHost host_;
  testing::TemporaryFolder temporary_;
};

std::string message_of(const std::function<void()>& action, ErrorCode code) {
  try {
    action();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.message();
    EXPECT_FALSE(error.hint().empty());
    return error.message();
  }
  return "accepted";
}

void contains(const std::string& text, const std::string& part) {
  EXPECT_NE(text.find(part), std::string::npos) << text;
}

TEST_F(TorchBin, ReadsEveryTypeStrideAndSharedStorage) {
  testing::expect_same(*open_path(checkpoint_vector("torch/odd.bin")), *safetensors("torch/odd.safetensors"));
}

TEST_F(TorchBin, ReadsShardsThroughTheirIndex) {
  testing::expect_same(*open_path(checkpoint_vector("torch/weights")), *safetensors("torch/odd.safetensors"));
  EXPECT_EQ(probe_path(checkpoint_vector("torch/weights")), 90);
}

TEST_F(TorchBin, GivesContiguousTensorsInPlace) {
  const auto reader = open_path(checkpoint_vector("torch/odd.bin"));
  for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
    const TensorInfo& tensor = reader->tensors()[i];
    if (tensor.num_bytes() == 0) continue;
    const bool is_turned = tensor.name == "view.transposed" || tensor.name == "view.slice";
    EXPECT_EQ(reader->view(i).empty(), is_turned) << tensor.name;
  }
}

TEST_F(TorchBin, RefusesByName) {
  const auto message = [&](const std::string& name) {
    return message_of([&] { open_path(checkpoint_vector("torch/" + name)); }, ErrorCode::unsupported);
  };
  contains(message("os_system.bin"), "os_system.bin: its pickle asks for \"posix.system\"");
  contains(message("nested.bin"), "\"model\" is a dictionary, not a tensor");
  contains(message("repeats.bin"), "tensor \"a\" repeats");
  contains(message("legacy.bin"), "before version 1.6");
  EXPECT_EQ(probe_path(checkpoint_vector("torch/legacy.bin")), 50);
  EXPECT_EQ(probe_path(checkpoint_vector("torch/odd.safetensors")), 0);
  EXPECT_FALSE(fs::exists("/tmp/easylm-was-here"));
}

TEST_F(TorchBin, RefusesAnIndexThatLeavesItsFolderOrDisagrees) {
  copy("torch/weights");
  const fs::path index = folder() / "pytorch_model.bin.index.json";
  const std::string good = read_text(index);
  const auto with = [&](const std::string& old, const std::string& changed, ErrorCode code) {
    std::string text = good;
    text.replace(text.find(old), old.size(), changed);
    write_text(index, text);
    return message_of([&] { open_path(folder()); }, code);
  };
  contains(with("pytorch_model-00001-of-00002.bin", "../evil.bin", ErrorCode::corrupt),
           "no file of its folder");
  contains(with("pytorch_model-00001-of-00002.bin", "gone.bin", ErrorCode::not_found),
           "gone.bin isn't there");
  contains(with("\"empty\"", "\"other\"", ErrorCode::corrupt), "is here, but not in the index");
  contains(with("{\n  \"empty\"", "{\n  \"none\": \"pytorch_model-00001-of-00002.bin\",\n  \"empty\"",
                ErrorCode::corrupt),
           "is in the index, but not here");
}

TEST_F(TorchBin, SurvivesEveryCutAndManyFlippedBits) {
  const std::string good = read_text(checkpoint_vector("torch/odd.bin"));
  const fs::path file = folder() / "x.bin";
  const auto try_one = [&](const std::string& bytes) {
    write_text(file, bytes);
    try {
      const auto reader = open_path(file);
      for (std::size_t i = 0; i < reader->tensors().size(); ++i) testing::bytes_of(*reader, i);
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal) << error.message();
    }
  };
  for (std::size_t size = 0; size < good.size(); size += 7) try_one(good.substr(0, size));
  for (std::size_t bit = 0; bit < 8 * good.size(); bit += 11) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    try_one(bytes);
  }
}

TEST_F(TorchBin, MetasShardsAreHuggingFacesWeights) {
  for (const char* name : {"one", "columns", "rows"}) {
    SCOPED_TRACE(name);
    const fs::path path = checkpoint_vector(std::string("meta/") + name);
    testing::expect_same(*open_original(host_, path), *safetensors("easylm/expected.safetensors"));
    EXPECT_EQ(probe_original(path), 95);
    EXPECT_EQ(probe_original(path / "params.json"), 95);
  }
}

TEST_F(TorchBin, MetasParamsBecomeAConfig) {
  copy("meta/one");
  const auto config = open_original(host_, folder())->model_config();
  const auto size = [&](const char* key) { return *config->find(key)->as<std::int64_t>(); };
  EXPECT_EQ(config->type, "llama");
  EXPECT_EQ(size("vocab_size"), 16);
  EXPECT_EQ(size("intermediate_size"), 20);
  EXPECT_EQ(size("num_key_value_heads"), 2);
  EXPECT_EQ(*config->find("rms_norm_eps")->as<double>(), 1e-5);
  EXPECT_FALSE(*config->find("tie_word_embeddings")->as<bool>());
  EXPECT_EQ(config->find("rope_scaling"), nullptr);
  ASSERT_EQ(host_.warnings.size(), 1U);
  contains(host_.warnings.front(), "max_position_embeddings");

  write_text(folder() / "params.json",
             R"({"dim": 16, "n_layers": 2, "n_heads": 4, "n_kv_heads": 2, "norm_eps": 1e-5,
    "rope_theta": 500000, "use_scaled_rope": true, "vocab_size": 16})");
  const auto scaled = open_original(host_, folder())->model_config();
  const Table& rope = *scaled->find("rope_scaling")->as<Table>();
  EXPECT_EQ(*rope.find("rope_type")->as<std::string>(), "llama3");
  EXPECT_EQ(*rope.find("factor")->as<double>(), 32);
  EXPECT_EQ(*scaled->find("max_position_embeddings")->as<std::int64_t>(), 131072);
  EXPECT_EQ(*scaled->find("rope_theta")->as<double>(), 500000);
  contains(host_.warnings.back(), "rope_scaling_factor");
}

TEST_F(TorchBin, MetasFolderMustAgreeWithItself) {
  copy("meta/columns");
  const auto message = [&] {
    return message_of([&] { open_original(host_, folder()); }, ErrorCode::corrupt);
  };
  const std::string params = read_text(folder() / "params.json");
  const auto with = [&](const std::string& old, const std::string& changed) {
    std::string text = params;
    text.replace(text.find(old), old.size(), changed);
    write_text(folder() / "params.json", text);
    return message();
  };
  contains(with("\"n_layers\": 2", "\"n_layers\": 3"), "\"layers.2.attention.wq.weight\" is missing");
  contains(with("\"n_layers\": 2", "\"n_layers\": 1"), "is no part of a LLaMA");
  contains(with("\"n_layers\": 2", "\"n_layers\": \"two\""), "n_layers must be a whole number");
  contains(with("\"n_heads\": 4", "\"n_heads\": 3"), "n_heads must be a multiple");
  contains(with("\"dim\": 16", "\"dim\": 16, \"dim\": 16"), "params.json");
  write_text(folder() / "params.json", params);
  fs::copy_file(checkpoint_vector("meta/one/consolidated.00.pth"), folder() / "consolidated.01.pth",
                fs::copy_options::overwrite_existing);
  contains(message(), "differs in shape");
  fs::remove(folder() / "params.json");
  contains(message_of([&] { open_original(host_, folder()); }, ErrorCode::not_found),
           "params.json isn't there");
}

TEST_F(TorchBin, WorksAsAPlugin) {
  EXPECT_EQ(find_format(host_, checkpoint_vector("torch/weights")).name, "torch_bin");
  EXPECT_EQ(find_format(host_, checkpoint_vector("torch/legacy.bin")).name, "torch_bin");
  EXPECT_EQ(find_format(host_, checkpoint_vector("meta/columns")).name, "llama_original");
  const auto format = find_format(host_, checkpoint_vector("meta/one")).format;
  testing::expect_same(*format->open(checkpoint_vector("meta/one")),
                       *safetensors("easylm/expected.safetensors"));
  contains(message_of([&] { format->create(folder(), {}); }, ErrorCode::unsupported), "is only read");
}

}  // namespace
}  // namespace easylm::torch_bin
