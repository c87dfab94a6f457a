// LLaMA against transformers: logits, loss and every gradient (tests/oracles/llama_vectors.py).
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "easylm/tensor/aten.h"
#include "models/tiny_llama.h"
#include "support/tensor_file.h"
#include "support/vectors.h"

namespace easylm::testing {
namespace {

std::uint32_t crc32(const std::string& text) {
  std::uint32_t crc = ~0U;
  for (const char c : text) {
    crc ^= static_cast<unsigned char>(c);
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? 0xEDB88320U : 0U);
  }
  return ~crc;
}

// The oracle's numbers that are not stored: 32 bits for each place of a named tensor.
std::uint32_t hashed(std::uint32_t start, std::uint32_t place) {
  std::uint32_t h = place * 0x9E3779B1U + start;
  h ^= h >> 15U;
  h *= 0x2C1B3C6DU;
  h ^= h >> 12U;
  h *= 0x297A2D39U;
  return h ^ (h >> 15U);
}

void fill_as_oracle(const Parameter& parameter) {
  const std::uint32_t start = crc32(parameter.name);
  const bool norm = parameter.value.dim() == 1 && !parameter.name.ends_with(".bias");
  double scale = 0.3;
  if (parameter.value.dim() == 2) {
    const bool embedding = parameter.name.find("embed") != std::string::npos;
    scale = embedding ? 1.7 : 1.7 / std::sqrt(static_cast<double>(parameter.value.size(1)));
  }
  auto* out = parameter.value.data_ptr<float>();
  for (std::int64_t i = 0; i < parameter.value.numel(); ++i) {
    const double uniform = hashed(start, static_cast<std::uint32_t>(i)) / 2147483648.0 - 1;
    out[i] = static_cast<float>(scale * uniform + (norm ? 1 : 0));
  }
}

at::Tensor oracle_ids() {
  at::Tensor ids = aten::empty({2, 25}, at::kLong);
  auto* out = ids.data_ptr<std::int64_t>();
  for (std::uint32_t i = 0; i < 50; ++i) out[i] = hashed(crc32("ids"), i) % 61;
  return ids;
}

const TensorFile& vectors() {
  static const TensorFile file = read_tensor_file(vector_file("llama.safetensors"));
  return file;
}

class LlamaVectors : public ::testing::TestWithParam<std::string> {};

TEST_P(LlamaVectors, AgreeWithTransformersInLogitsLossAndEveryGradient) {
  const std::string name = GetParam();
  Table table = parse_json_object(*member(vectors().metadata, name).as<std::string>(), name);
  table.type = "llama";
  for (const char* kernel : {"sdpa", "bpt", "reference"}) {
    table.set("attention", {Table{kernel}, {}});
    const auto model = empty_llama(table);
    for (const Parameter& parameter : parameters_of(*model)) fill_as_oracle(parameter);
    const at::Tensor ids = oracle_ids();
    EXPECT_LT(relative_error(logits_of(*model, ids.narrow(1, 0, 24)), vectors().tensors.at(name + "/logits")),
              1e-5)
        << kernel;
    ForwardContext context(Phase::train);
    const Differentiated found = differentiate(*model, ids, context);
    EXPECT_NEAR(found.loss, vectors().tensors.at(name + "/loss").item<double>(), 1e-5) << kernel;
    const auto parameters = parameters_of(*model);
    for (std::size_t i = 0; i < parameters.size(); ++i) {
      const at::Tensor& wanted = vectors().tensors.at(name + "/gradient/" + parameters[i].name);
      EXPECT_LT(relative_error(found.gradients[i], wanted), 1e-4) << kernel << " " << parameters[i].name;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Cases, LlamaVectors,
                         ::testing::Values("multi_head", "grouped", "tied", "biases", "head_width",
                                           "rope_theta", "rope_linear", "rope_dynamic", "rope_yarn",
                                           "rope_yarn_said", "rope_llama3"),
                         [](const auto& test) { return test.param; });

}  // namespace
}  // namespace easylm::testing
