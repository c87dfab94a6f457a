// Small models on disk, written and read by the bundled format, for tests of what moves them.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "easylm/checkpoint_format.h"
#include "support/plugin_host.h"
#include "support/temporary_folder.h"

namespace easylm::testing {

struct StoredTensor {
  DType dtype = DType::f32;
  std::vector<std::int64_t> shape;
  std::vector<std::byte> bytes;

  bool operator==(const StoredTensor&) const = default;
};
using StoredTensors = std::map<std::string, StoredTensor>;

// A vector of elements by their bits.
template <typename T>
StoredTensor tensor_of(DType dtype, const std::vector<T>& bits) {
  StoredTensor tensor{dtype, {static_cast<std::int64_t>(bits.size())}, {}};
  tensor.bytes.resize(bits.size() * sizeof(T));
  std::memcpy(tensor.bytes.data(), bits.data(), tensor.bytes.size());
  return tensor;
}

inline StoredTensor floats(const std::vector<float>& numbers) { return tensor_of(DType::f32, numbers); }

// Knows the tensors of one made-up model, which needs no LibTorch.
class ModelHost : public PluginHost {
 public:
  std::optional<std::vector<TensorInfo>> model_tensors(const Table& config) const override {
    if (config.type != "made_up") return std::nullopt;
    return expected;
  }
  std::vector<TensorInfo> expected;
};

class ModelTest : public ::testing::Test {
 protected:
  std::filesystem::path path(const std::string& name) const { return folder_.path() / name; }

  std::filesystem::path write_model(const std::string& name, const StoredTensors& tensors,
                                    std::optional<Table> config = {}, std::vector<NamedFile> files = {}) {
    WritePlan plan;
    plan.model_config = std::move(config);
    plan.files = std::move(files);
    for (const auto& [tensor, stored] : tensors) plan.tensors.push_back({tensor, stored.dtype, stored.shape});
    std::filesystem::create_directory(path(name));
    const auto writer = host_.make<CheckpointFormat>(table_of("safetensors"))->create(path(name), plan);
    std::size_t i = 0;
    for (const auto& [tensor, stored] : tensors) writer->write(i++, 0, stored.bytes);
    writer->finish();
    return path(name);
  }

  StoredTensors read_model(const std::filesystem::path& at) {
    const auto reader = find_format(host_, at).format->open(at);
    StoredTensors tensors;
    for (std::size_t i = 0; i < reader->tensors().size(); ++i) {
      const TensorInfo& info = reader->tensors()[i];
      StoredTensor& tensor = tensors[info.name] = {info.dtype, info.shape, {}};
      tensor.bytes.resize(static_cast<std::size_t>(info.num_bytes()));
      reader->read(i, 0, tensor.bytes);
    }
    return tensors;
  }

  // The names in the test's folder, hidden ones too.
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder_.path())) {
      found.push_back(entry.path().filename());
    }
    std::ranges::sort(found);
    return found;
  }

  template <typename Run>
  static Error error_of(Run&& run) {
    try {
      run();
    } catch (const Error& error) {
      return error;
    }
    ADD_FAILURE() << "nothing was thrown";
    return {ErrorCode::internal, "nothing was thrown"};
  }

  TemporaryFolder folder_;
  ModelHost host_;
};

}  // namespace easylm::testing
