// What forward and backward share: the keys, the masks, the order of blocks.
#include "attend.h"

#include <ATen/Parallel.h>

#include <algorithm>
#include <utility>

#include "easylm/tensor/aten.h"

namespace easylm::bpt {

void Attention::add_keys(const at::Tensor& k_BCKH, const at::Tensor& v_BCKH, std::int64_t begin) {
  if (!blocking_) prepare(k_BCKH);
  keys_->add(k_BCKH, v_BCKH, begin);
}

void Attention::prepare(const at::Tensor& k_BCKH) {
  dtype_ = k_BCKH.scalar_type();
  size_ = {k_BCKH.size(0), problem_.num_keys, k_BCKH.size(2)};
  blocking_ = std::make_unique<Blocking>(k_BCKH.size(3), dtype_, problem_.options);
  keys_ = std::make_unique<PackedKeys>(*blocking_, size_, use_);
  masks_.reserve(static_cast<std::size_t>(size_.batch));
  for (std::int64_t row = 0; row < size_.batch; ++row)
    masks_.emplace_back(problem_.mask, row, problem_.num_keys, blocking_->columns);
  if (use_ == Use::outputs) return;
  const std::int64_t padded = round_up(problem_.num_keys, blocking_->unit);
  key_sums_ = aten::zeros({size_.batch * size_.heads, padded, blocking_->width}, at::kFloat);
  value_sums_ = aten::zeros(key_sums_.sizes(), at::kFloat);
}

KeyGradients Attention::gradients(Span tokens) const {
  const at::TensorOptions options = at::TensorOptions().dtype(dtype_);
  const auto like_keys = [&] {
    return aten::empty({size_.batch, tokens.size, size_.heads, blocking_->head_dim}, options);
  };
  KeyGradients gradients{like_keys(), like_keys()};
  const auto store = [&](const at::Tensor& sums, float factor, const at::Tensor& out_BSKH,
                         std::int64_t head) {
    const Rows rows = rows_of(out_BSKH, head / size_.heads, head % size_.heads);
    const float* from =
        sums.const_data_ptr<float>() + head * sums.stride(0) + tokens.begin * blocking_->width;
    for (std::int64_t i = 0; i < tokens.size; ++i) {
      store_row(from + i * blocking_->width, blocking_->head_dim, factor, dtype_, rows.at(i));
    }
  };
  at::parallel_for(0, size_.batch * size_.heads, 1, [&](std::int64_t first, std::int64_t last) {
    for (std::int64_t head = first; head < last; ++head) {
      store(key_sums_, scale(), gradients.dk_BSKH, head);
      store(value_sums_, 1, gradients.dv_BSKH, head);
    }
  });
  return gradients;
}

Attention::Blocks::Blocks(const Attention& attention, const at::Tensor& q_BCNH)
    : num_chains(attention.size_.batch * attention.size_.heads),
      at_once_(std::clamp<std::int64_t>(at::get_num_threads(), 1, std::max<std::int64_t>(num_chains, 1))),
      block_queries_(attention.blocking().queries),
      num_queries_(q_BCNH.size(1)),
      heads_(q_BCNH.size(2)),
      key_heads_(attention.size_.heads) {
  const std::int64_t blocks = (num_queries_ + block_queries_ - 1) / block_queries_;
  length = blocks * (heads_ / key_heads_);
}

QueryBlock Attention::Blocks::at(std::int64_t task) const {
  const std::int64_t first = task / (at_once_ * length) * at_once_;
  const std::int64_t chains = std::min(at_once_, num_chains - first), number = task - first * length;
  const std::int64_t chain = first + number % chains, place = number / chains;
  const std::int64_t shared = heads_ / key_heads_;
  const std::int64_t begin = place / shared * block_queries_;
  return {chain / key_heads_,
          chain % key_heads_ * shared + place % shared,
          chain,
          place,
          {begin, std::min(block_queries_, num_queries_ - begin)}};
}

}  // namespace easylm::bpt
