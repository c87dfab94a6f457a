// Allocates, fills and lists declared weights.
#include "easylm/tensor/declared_model.h"

#include <ATen/core/grad_mode.h>

#include <utility>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"

namespace easylm {
namespace {

constexpr double kDeviation = 0.02;

}  // namespace

DeclaredModel::DeclaredModel() = default;
DeclaredModel::~DeclaredModel() = default;

double DeclaredModel::flops_per_token(std::int64_t /*length*/) const {
  return 6.0 * static_cast<double>(facts_.num_parameters);
}

void DeclaredModel::declare(std::string name, std::vector<std::int64_t> shape, at::Tensor& value) {
  std::int64_t size = 1;
  for (const std::int64_t n : shape) size *= n;
  facts_.num_parameters += size;
  weights_.push_back({std::move(name), std::move(shape), &value});
}

void DeclaredModel::materialise(at::Device device, at::ScalarType dtype) {
  EASYLM_CHECK(!materialised_, "a model was materialised twice");
  for (const Weight& weight : weights_) {
    *weight.value = aten::empty(weight.shape, at::TensorOptions(dtype).device(device));
  }
  materialised_ = true;
}

void DeclaredModel::initialise(Host& host) {
  EASYLM_CHECK(materialised_, "a model was initialised before it was materialised");
  const at::NoGradGuard no_grad;
  for (const Weight& weight : weights_) {
    if (weight.shape.size() < 2) {
      weight.value->fill_(weight.name.ends_with("bias") ? 0 : 1);
      continue;
    }
    const at::Generator generator = generator_of(host.random("initial " + weight.name, 0), at::kCPU);
    weight.value->copy_(aten::empty(weight.shape, at::kFloat).normal_(0, kDeviation, generator));
  }
}

void DeclaredModel::parameters(std::vector<Parameter>& out) {
  EASYLM_CHECK(materialised_, "a model's parameters were asked for before it was materialised");
  for (const Weight& weight : weights_) {
    out.push_back({weight.name, *weight.value, {}, weight.shape.size() > 1});
  }
}

}  // namespace easylm
