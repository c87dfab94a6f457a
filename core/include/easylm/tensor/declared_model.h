// A model whose weights are declared once, in its constructor: all but its mathematics.
//
//   MyModel(Host&, const Config& config) {
//     facts_.hidden_size = config.hidden_size;
//     declare("embedding.weight", {config.vocab_size, config.hidden_size}, embedding_VD_);
//   }
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <string>
#include <vector>

#include "easylm/tensor/model.h"

namespace easylm {

class EASYLM_API DeclaredModel : public Model {
 public:
  DeclaredModel();
  ~DeclaredModel() override;

  const ModelFacts& facts() const override { return facts_; }

  // Three times two operations a weight: forward, and backward for inputs and weights. What grows with
  // `length` is for a derived class to add.
  double flops_per_token(std::int64_t length) const override;

  void materialise(at::Device device, at::ScalarType dtype) override;
  bool materialised() const override { return materialised_; }

  // Vectors become 1, those whose name ends in "bias" 0; matrices are drawn from a normal distribution of the
  // deviation 0.02, one stream a parameter, in fp32 on the CPU, so that device and precision don't change
  // them.
  void initialise(Host& host) override;

  void parameters(std::vector<Parameter>& out) override;

 protected:
  // A weight: `value`, a member, is allocated by materialise(). Vectors are left out of weight decay. Counts
  // it in facts_.num_parameters. REQUIRES: called in the constructor, with another name each time.
  void declare(std::string name, std::vector<std::int64_t> shape, at::Tensor& value);

  ModelFacts facts_;

 private:
  struct Weight {
    std::string name;
    std::vector<std::int64_t> shape;
    at::Tensor* value;
  };
  std::vector<Weight> weights_;
  bool materialised_ = false;
};

}  // namespace easylm
