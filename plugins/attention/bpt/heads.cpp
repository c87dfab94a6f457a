// Packing, head by head.
#include "heads.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "easylm/tensor/aten.h"

namespace easylm::bpt {
namespace {

constexpr std::int64_t kBlockQueries = 64;
constexpr std::int64_t kBlockKeys = 128;

std::int64_t round_up(std::int64_t number, std::int64_t unit) { return (number + unit - 1) / unit * unit; }

PackPanels<float> pack_a(const GemmKernel& kernel, const float*) { return kernel.pack_a; }
PackPanels<c10::BFloat16> pack_a(const GemmKernel& kernel, const c10::BFloat16*) {
  return kernel.pack_a_bf16;
}

template <typename T>
GemmLines<T> by_token(const Blocking& blocking, const Rows<T>& rows, Span tokens) {
  return {rows.at(tokens.begin), rows.stride, 1, tokens.size, blocking.head_dim};
}
template <typename T>
GemmLines<T> by_width(const Blocking& blocking, const Rows<T>& rows, Span tokens) {
  return {rows.at(tokens.begin), 1, rows.stride, blocking.head_dim, tokens.size};
}

}  // namespace

Blocking::Blocking(std::int64_t width)
    : kernel(gemm_kernel()),
      head_dim(width),
      panel(kernel.tile_columns),
      panels(kBlockQueries / kernel.tile_columns),
      block_keys(kBlockKeys / kernel.tile_rows * kernel.tile_rows),
      padded_rows(round_up(width, kernel.tile_rows)),
      padded_columns(round_up(width, kernel.tile_columns)) {}

void pack_tokens(const Blocking& blocking, const Rows<float>& rows, Span tokens, float* panels) {
  blocking.kernel.pack_b(by_token(blocking, rows, tokens), panels);
}
void pack_tokens(const Blocking& blocking, const Rows<c10::BFloat16>& rows, Span tokens, float* panels) {
  blocking.kernel.pack_b_bf16(by_token(blocking, rows, tokens), panels);
}
void pack_widths(const Blocking& blocking, const Rows<float>& rows, Span tokens, float* panels) {
  blocking.kernel.pack_b(by_width(blocking, rows, tokens), panels);
}
void pack_widths(const Blocking& blocking, const Rows<c10::BFloat16>& rows, Span tokens, float* panels) {
  blocking.kernel.pack_b_bf16(by_width(blocking, rows, tokens), panels);
}

PackedHeads::PackedHeads(const Blocking& blocking, const at::Tensor& x_BSKH, Lines lines)
    : heads_(x_BSKH.size(2)),
      numbers_a_token_(lines == Lines::by_token ? blocking.head_dim : blocking.padded_rows),
      stride_(round_up(x_BSKH.size(1), blocking.block_keys) * numbers_a_token_ + kPackSlack),
      panels_(aten::empty({x_BSKH.size(0) * heads_ * stride_}, at::kFloat)) {
  if (x_BSKH.scalar_type() == at::kFloat) {
    pack<float>(blocking, x_BSKH, lines);
  } else {
    pack<c10::BFloat16>(blocking, x_BSKH, lines);
  }
}

template <typename T>
void PackedHeads::pack(const Blocking& blocking, const at::Tensor& x_BSKH, Lines lines) {
  const std::int64_t tokens = x_BSKH.size(1);
  auto* const panels = panels_.mutable_data_ptr<float>();
  at::parallel_for(0, x_BSKH.size(0) * heads_, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t i = first; i < last; ++i) {
      const Rows<T> rows = rows_of<T>(x_BSKH, i / heads_, i % heads_);
      for (std::int64_t begin = 0; begin < tokens; begin += blocking.block_keys) {
        const Span block{begin, std::min(blocking.block_keys, tokens - begin)};
        const GemmLines<T> of_block =
            lines == Lines::by_token ? by_token(blocking, rows, block) : by_width(blocking, rows, block);
        pack_a(blocking.kernel, rows.data)(of_block, panels + i * stride_ + begin * numbers_a_token_);
      }
    }
  });
}

const float* PackedHeads::block(std::int64_t row, std::int64_t head, std::int64_t begin) const {
  return panels_.const_data_ptr<float>() + (row * heads_ + head) * stride_ + begin * numbers_a_token_;
}

}  // namespace easylm::bpt
