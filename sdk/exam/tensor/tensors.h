// What the exams of tensor-speaking interfaces share: seeded tensors, and how they are compared.
#pragma once

#include <ATen/core/Tensor.h>

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "exam.h"

namespace easylm::exam {

using Tensors = std::vector<at::Tensor>;

// Normally distributed numbers, drawn in fp64 from the exam's seed and `purpose`, then rounded to `dtype`.
at::Tensor noise(const Subject& subject, std::string_view purpose, at::IntArrayRef shape,
                 at::ScalarType dtype = at::kFloat);

// Whether they have one dtype and shape, and the same bits (NaN equals itself).
bool same_bits(const at::Tensor& a, const at::Tensor& b);
bool same_bits(const Tensors& a, const Tensors& b);

// A copy of its own memory, with the strides of `x` where they don't overlap.
at::Tensor copy_of(const at::Tensor& x);
Tensors copies_of(const Tensors& all);

// max |found - wanted| / max |wanted|, in fp64; infinite where `found` is NaN, or of another shape.
double distance(const at::Tensor& found, const at::Tensor& wanted);

bool all_finite(const at::Tensor& x);

// The gradients of the scalar `y`; undefined for what it doesn't depend on.
Tensors gradients_of(const at::Tensor& y, const Tensors& inputs);

// Runs `work(i)` on four threads at once; what one of them throws comes out here.
void on_four_threads(const std::function<void(int)>& work);

std::string text_of(double number);  // "1.2e-05"

}  // namespace easylm::exam
