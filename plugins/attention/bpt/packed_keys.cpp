// Packing keys and values as they come. A panel that isn't full is packed again together with what follows.
#include "packed_keys.h"

#include <ATen/Parallel.h>

#include <algorithm>

#include "easylm/tensor/aten.h"

namespace easylm::bpt {
namespace {

constexpr std::int64_t kTokensAtOnce = 512;

at::Tensor joined(const at::Tensor& before, const at::Tensor& x_BCKH) {
  return before.defined() ? aten::cat({before, x_BCKH}, 1) : x_BCKH;
}

}  // namespace

PackedKeys::PackedKeys(const Blocking& blocking, const Size& size, Use use)
    : blocking_(blocking),
      size_(size),
      padded_keys_(round_up(size.num_keys, blocking.columns)),
      token_stride_(padded_keys_ * blocking.words),
      across_stride_(width_stride() * (blocking.width / blocking.columns)) {
  const std::int64_t heads = size.batch * size.heads;
  const auto panels = [&](std::int64_t stride) {
    const at::Tensor tensor = aten::empty({heads * stride + kPackSlack}, at::kFloat);
    return Panels{tensor, tensor.mutable_data_ptr<float>()};
  };
  keys_ = panels(token_stride_);
  if (use != Use::gradients) values_across_ = panels(across_stride_);
  if (use == Use::outputs) return;
  values_ = panels(token_stride_);
  keys_across_ = panels(across_stride_);
}

void PackedKeys::add(const at::Tensor& k_BCKH, const at::Tensor& v_BCKH, std::int64_t begin) {
  const at::Tensor k = joined(last_keys_, k_BCKH), v = joined(last_values_, v_BCKH);
  const std::int64_t before = last_keys_.defined() ? last_keys_.size(1) : 0;
  const Span tokens{begin - before, k.size(1)};
  pack(k, tokens, keys_, keys_across_);
  pack(v, tokens, values_, values_across_);
  const std::int64_t left = tokens.size % blocking_.columns;
  if (left == 0 || tokens.end() == size_.num_keys) {
    last_keys_ = last_values_ = at::Tensor();
  } else {
    last_keys_ = k.narrow(1, tokens.size - left, left).clone();
    last_values_ = v.narrow(1, tokens.size - left, left).clone();
  }
}

void PackedKeys::pack(const at::Tensor& x_BCKH, Span tokens, const Panels& by_token, const Panels& across) {
  const std::int64_t parts = (tokens.size + kTokensAtOnce - 1) / kTokensAtOnce;
  at::parallel_for(0, size_.batch * size_.heads * parts, 1, [&](std::int64_t first, std::int64_t last) {
    Packer packer(blocking_, x_BCKH.scalar_type(), kTokensAtOnce);
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t head = i / parts, offset = i % parts * kTokensAtOnce;
      Rows rows = rows_of(x_BCKH, head / size_.heads, head % size_.heads);
      rows.data = rows.at(-tokens.begin);  // so that rows are counted as in the whole call
      const auto panels = [&](const Panels& all, std::int64_t stride) {
        return all.numbers == nullptr ? nullptr : all.numbers + head * stride;
      };
      const std::int64_t begin = tokens.begin + offset;
      pack_head(packer, rows, {begin, std::min(kTokensAtOnce, tokens.end() - begin)},
                panels(by_token, token_stride_), panels(across, across_stride_));
    }
  });
}

void PackedKeys::pack_head(Packer& packer, const Rows& rows, Span tokens, float* by_token, float* across) {
  if (by_token != nullptr)
    packer.pack_by_token(Factor::second, rows, tokens, by_token + tokens.begin * blocking_.words);
  if (across == nullptr) return;
  const std::int64_t columns = blocking_.columns, per_word = blocking_.numbers_per_word;
  packer.pack_widths(rows, tokens, across + tokens.begin / per_word * columns, width_stride());
  // What is not a key has the weight 0, and must not be NaN.
  const std::int64_t used = (tokens.end() + per_word - 1) / per_word,
                     all = round_up(tokens.end(), columns) / per_word;
  if (tokens.end() % columns == 0) return;
  for (std::int64_t h = 0; h < blocking_.width; h += columns) {
    float* panel = across + h / columns * width_stride();
    std::fill(panel + used * columns, panel + all * columns, 0.0F);
  }
}

}  // namespace easylm::bpt
