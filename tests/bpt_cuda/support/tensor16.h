// Tensors of 16-bit numbers in every layout that the kernels accept.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "bpt_cuda/kernels.h"

namespace easylm::bpt_cuda_test {

using bpt_cuda::Element;

// Rounds to the element type, and back.
double rounded(double value, Element element);

enum class Layout {
  kDense,   // [batch, token, head, width]
  kHeads,   // [batch, head, token, width] behind the same view: transposed
  kPadded,  // gaps behind every head, token and row, as of a slice of something larger
};

struct Dimensions {
  int batch, tokens, heads, width;
};

class Tensor16 {
 public:
  // Every number, gaps included, is a NaN until set.
  Tensor16(Element element, const Dimensions& dimensions, Layout layout);

  const Dimensions& dimensions() const { return dimensions_; }
  double get(int batch, int token, int head, int i) const;
  void fill(const std::function<double()>& next);
  void fill_rows(const std::function<double(int batch, int token, int head, int i)>& value);

  bpt_cuda::ConstView view() const { return {data_.data(), strides_}; }
  bpt_cuda::View view() { return {data_.data(), strides_}; }
  // False if something was written between the numbers.
  bool gaps_are_whole() const;
  const std::vector<std::uint16_t>& bits() const { return data_; }

 private:
  std::size_t index(int batch, int token, int head, int i) const;

  Element element_;
  Dimensions dimensions_;
  bpt_cuda::Strides strides_;
  std::vector<std::uint16_t> data_;
};

}  // namespace easylm::bpt_cuda_test
