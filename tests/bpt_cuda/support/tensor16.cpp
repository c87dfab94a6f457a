// Tensors of 16-bit numbers.
#include "tensor16.h"

#include "cuda_emulation/emulation/half.h"

namespace easylm::bpt_cuda_test {
namespace {

constexpr std::uint16_t kUnset = 0xFFF1;  // NaN in both types, and nothing that arithmetic makes

std::uint16_t to_bits(double value, Element element) {
  const auto single = static_cast<float>(value);
  return element == Element::kBf16 ? emulation::bfloat16_bits(single) : emulation::half_bits(single);
}

double from_bits(std::uint16_t bits, Element element) {
  return element == Element::kBf16 ? emulation::bfloat16_value(bits) : emulation::half_value(bits);
}

bpt_cuda::Strides strides_of(const Dimensions& d, Layout layout) {
  const std::int64_t width = d.width, heads = d.heads, tokens = d.tokens;
  switch (layout) {
    case Layout::kHeads:
      return {heads * tokens * width, width, tokens * width};
    case Layout::kPadded:
      return {tokens * (heads * (width + 8) + 16) + 24, heads * (width + 8) + 16, width + 8};
    default:
      return {tokens * heads * width, heads * width, width};
  }
}

}  // namespace

double rounded(double value, Element element) { return from_bits(to_bits(value, element), element); }

Tensor16::Tensor16(Element element, const Dimensions& dimensions, Layout layout)
    : element_(element), dimensions_(dimensions), strides_(strides_of(dimensions, layout)) {
  data_.assign(static_cast<std::size_t>(dimensions.batch * strides_.batch), kUnset);
}

std::size_t Tensor16::index(int batch, int token, int head, int i) const {
  return static_cast<std::size_t>(batch * strides_.batch + token * strides_.token + head * strides_.head + i);
}

double Tensor16::get(int batch, int token, int head, int i) const {
  return from_bits(data_[index(batch, token, head, i)], element_);
}

void Tensor16::fill(const std::function<double()>& next) {
  fill_rows([&](int, int, int, int) { return next(); });
}

void Tensor16::fill_rows(const std::function<double(int, int, int, int)>& value) {
  for (int batch = 0; batch < dimensions_.batch; ++batch) {
    for (int token = 0; token < dimensions_.tokens; ++token) {
      for (int head = 0; head < dimensions_.heads; ++head) {
        for (int i = 0; i < dimensions_.width; ++i) {
          data_[index(batch, token, head, i)] = to_bits(value(batch, token, head, i), element_);
        }
      }
    }
  }
}

bool Tensor16::gaps_are_whole() const {
  std::vector<std::uint16_t> rest = data_;
  for (int batch = 0; batch < dimensions_.batch; ++batch) {
    for (int token = 0; token < dimensions_.tokens; ++token) {
      for (int head = 0; head < dimensions_.heads; ++head) {
        for (int i = 0; i < dimensions_.width; ++i) rest[index(batch, token, head, i)] = kUnset;
      }
    }
  }
  for (const std::uint16_t bits : rest) {
    if (bits != kUnset) return false;
  }
  return true;
}

}  // namespace easylm::bpt_cuda_test
