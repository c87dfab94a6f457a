// A model under examination with weights that matter, and the tokens that it is fed.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "easylm/tensor/block_runner.h"
#include "easylm/tensor/model.h"
#include "tensors.h"

namespace easylm::exam {

// Initial weights are often so small that a wrong mask or position hardly shows, so matrices are given noise
// whose rows have length 1, and some is added to everything else.
void stir(const Subject& subject, Model& model);

// A model of the subject's settings on the CPU, materialised in `dtype`, initialised and stirred.
std::shared_ptr<Model> ready_model(const Subject& subject, at::ScalarType dtype = at::kFloat);

std::vector<Parameter> parameters_of(Model& model);

// Random tokens, [rows, length].
at::Tensor some_ids(const Subject& subject, const Model& model, std::int64_t rows, std::int64_t length);

// 12 tokens, or as many as the model has positions for.
std::int64_t usual_length(const Model& model);

// What a forward pass is told beside its tokens.
struct Told {
  at::Tensor positions = {}, segments_BT = {};
};

// Hidden states after the final norm, without gradients: [B, T, D].
at::Tensor hidden_of(Model& model, const at::Tensor& ids_BT, const Told& told = {});

// The mean cross-entropy of predicting each token's successor, in training; computed from whole logits in the
// model's dtype or better.
double loss_of(Model& model, const at::Tensor& ids_BT);

// Its gradients; undefined for parameters that it doesn't depend on. Every parameter asks for one from now
// on.
Tensors loss_gradients(Model& model, const at::Tensor& ids_BT, Recompute policy = Recompute::none);

// How far two passes may be apart that compute the same in another order: 1e-5 of the greatest number in
// fp32.
constexpr double kSamePass = 1e-5;

// Throws Finding unless distance() ≤ `tolerance`.
void expect_near(const at::Tensor& found, const at::Tensor& wanted, double tolerance,
                 const std::string& finding);

}  // namespace easylm::exam
