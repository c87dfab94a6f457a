// Small LLaMAs for tests, made through the plugin border as a run makes them.
#pragma once

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "easylm/json.h"
#include "easylm/schema.h"
#include "easylm/tensor/allocator.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/block_runner.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/loss.h"
#include "easylm/tensor/model.h"
#include "support/plugin_host.h"

namespace easylm::testing {

inline PluginHost& llama_host() {
  static PluginHost host;
  return host;
}

// 2 layers, width 64, 4 heads of 16 on 2 key/value heads, 97 ids; `changes` replace or add settings.
inline Table tiny_table(std::initializer_list<std::pair<std::string, Value>> changes = {}) {
  using schema_detail::to_value;
  Table table = table_of("llama");
  const std::pair<const char*, std::int64_t> sizes[] = {{"vocab_size", 97},
                                                        {"hidden_size", 64},
                                                        {"intermediate_size", 96},
                                                        {"num_hidden_layers", 2},
                                                        {"num_attention_heads", 4},
                                                        {"num_key_value_heads", 2},
                                                        {"max_position_embeddings", 64}};
  for (const auto& [key, value] : sizes) table.set(key, to_value(value));
  for (const auto& [key, value] : changes) table.set(key, value);
  return table;
}

// Without initial weights.
inline std::shared_ptr<Model> empty_llama(const Table& table, at::ScalarType type = at::kFloat) {
  auto model = llama_host().make<Model>(table);
  model->materialise(at::kCPU, type);
  return model;
}

inline std::vector<Parameter> parameters_of(Model& model) {
  std::vector<Parameter> parameters;
  model.parameters(parameters);
  return parameters;
}

// With initial weights large enough that every part of the model matters.
inline std::shared_ptr<Model> tiny_llama(const Table& table, at::ScalarType type = at::kFloat) {
  auto model = empty_llama(table, type);
  model->initialise(llama_host());
  const at::NoGradGuard no_grad;
  for (Parameter& parameter : parameters_of(*model)) {
    if (parameter.value.dim() == 1) {
      const RandomStream stream(5, parameter.name, 0);
      const at::Tensor noise = parameter.value.new_zeros(parameter.value.sizes(), at::kFloat)
                                   .normal_(0, 0.2, generator_of(stream, at::kCPU));
      parameter.value.add_(noise);
    } else {
      parameter.value.mul_(parameter.name == "model.embed_tokens.weight" ? 10 : 60);
    }
  }
  return model;
}

inline void require_gradients(Model& model) {
  for (Parameter& parameter : parameters_of(model)) parameter.value.requires_grad_(true);
}

inline at::Tensor some_ids(std::int64_t rows, std::int64_t length, std::int64_t vocabulary = 97) {
  return aten::empty({rows, length}, at::kLong).random_(0, vocabulary, generator_of({7, "ids", 0}, at::kCPU));
}

inline at::Tensor logits_of(Model& model, const at::Tensor& ids_BT, ForwardContext& context) {
  return run_model(model, ids_BT, context, Recompute::none).matmul(model.head_weight().t());
}

inline at::Tensor logits_of(Model& model, const at::Tensor& ids_BT) {
  const at::NoGradGuard no_grad;
  ForwardContext context(Phase::infer);
  return logits_of(model, ids_BT, context);
}

struct Differentiated {
  double loss = 0;
  std::vector<at::Tensor> gradients;  // in the order of the parameters
};

// Mean cross-entropy of predicting each next id, and every gradient.
inline Differentiated differentiate(Model& model, const at::Tensor& ids_BT, ForwardContext& context,
                                    Recompute policy = Recompute::none) {
  require_gradients(model);
  const std::int64_t length = ids_BT.size(1) - 1;
  const at::Tensor h_BTD = run_model(model, ids_BT.narrow(1, 0, length), context, policy);
  const at::Tensor targets_BT = ids_BT.narrow(1, 1, length);
  const LossSums sums = masked_cross_entropy(
      {h_BTD, model.head_weight(), targets_BT, aten::ones(targets_BT.sizes(), at::kFloat)});
  const at::Tensor loss = sums.loss / sums.weight;
  std::vector<at::Tensor> values;
  for (const Parameter& parameter : parameters_of(model)) values.push_back(parameter.value);
  return {loss.item<double>(), torch::autograd::grad({loss}, values)};
}

inline double relative_error(const at::Tensor& found, const at::Tensor& wanted) {
  const at::Tensor a = found.detach().to(at::kDouble), b = wanted.detach().to(at::kDouble);
  const double size = b.norm().item<double>();
  const double difference = (a - b).norm().item<double>();
  return size > 0 ? difference / size : difference;
}

}  // namespace easylm::testing
