// Drawn, compared and differentiated with LibTorch's own operations.
#include "tensors.h"

#include <torch/csrc/autograd/autograd.h>

#include <array>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <exception>
#include <limits>
#include <thread>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/device.h"

namespace easylm::exam {

at::Tensor noise(const Subject& subject, std::string_view purpose, at::IntArrayRef shape,
                 at::ScalarType dtype) {
  const at::Generator generator = generator_of(subject.random(purpose), at::kCPU);
  return aten::empty(shape, at::kDouble).normal_(0, 1, generator).to(dtype);
}

bool same_bits(const at::Tensor& a, const at::Tensor& b) {
  if (a.defined() != b.defined()) return false;
  if (!a.defined()) return true;
  if (a.scalar_type() != b.scalar_type() || a.sizes() != b.sizes()) return false;
  const at::Tensor x = a.detach().contiguous(), y = b.detach().contiguous();
  return x.nbytes() == 0 || std::memcmp(x.const_data_ptr(), y.const_data_ptr(), x.nbytes()) == 0;
}

bool same_bits(const Tensors& a, const Tensors& b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (!same_bits(a[i], b[i])) return false;
  }
  return true;
}

at::Tensor copy_of(const at::Tensor& x) { return x.defined() ? x.detach().clone() : x; }

Tensors copies_of(const Tensors& all) {
  Tensors copies;
  copies.reserve(all.size());
  for (const at::Tensor& x : all) copies.push_back(copy_of(x));
  return copies;
}

double distance(const at::Tensor& found, const at::Tensor& wanted) {
  constexpr double kFar = std::numeric_limits<double>::infinity();
  if (!found.defined() || found.sizes() != wanted.sizes()) return kFar;
  if (wanted.numel() == 0) return 0;
  const at::Tensor exact = wanted.detach().to(at::kDouble);
  const double apart = (found.detach().to(at::kDouble) - exact).abs().max().item<double>();
  const double size = exact.abs().max().item<double>();
  if (std::isnan(apart)) return kFar;
  return apart == 0 ? 0 : apart / size;
}

bool all_finite(const at::Tensor& x) { return x.isfinite().all().item<bool>(); }

Tensors gradients_of(const at::Tensor& y, const Tensors& inputs) {
  return torch::autograd::grad({y}, inputs, {}, false, false, true);
}

void on_four_threads(const std::function<void(int)>& work) {
  std::array<std::exception_ptr, 4> thrown;
  std::vector<std::thread> threads;
  threads.reserve(thrown.size());
  for (std::size_t i = 0; i < thrown.size(); ++i) {
    threads.emplace_back([&work, &mine = thrown[i], i] {
      try {
        work(static_cast<int>(i));
      } catch (...) {
        mine = std::current_exception();
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const std::exception_ptr& one : thrown) {
    if (one) std::rethrow_exception(one);
  }
}

std::string text_of(double number) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.2g", number);
  return text.data();
}

}  // namespace easylm::exam
