// Feeds a model through its cache.
#include "easylm/tensor/decoder.h"

#include <algorithm>

#include "easylm/tensor/aten.h"
#include "easylm/tensor/block_runner.h"

namespace easylm {

Decoder::Decoder(Model& model, const Tokenizer& tokenizer, at::Device device)
    : model_(model),
      num_tokens_(std::min(tokenizer.vocabulary_size(), model.facts().vocabulary_size)),
      device_(device),
      cache_(model.facts().num_layers) {}

bool Decoder::full() const { return cache_.length() >= model_.facts().max_positions; }

at::Tensor Decoder::feed_all(std::span<const TokenId> ids) { return logits(hidden(ids)); }

at::Tensor Decoder::feed(std::span<const TokenId> ids) {
  return logits(hidden(ids).select(0, static_cast<std::int64_t>(ids.size()) - 1));
}

at::Tensor Decoder::hidden(std::span<const TokenId> ids) {
  const at::Tensor ids_BT = aten::empty({1, static_cast<std::int64_t>(ids.size())}, at::kInt);
  std::ranges::copy(ids, ids_BT.mutable_data_ptr<TokenId>());
  ForwardContext context(Phase::infer);
  return run_model_cached(model_, ids_BT.to(device_, at::kLong), cache_, context).select(0, 0);
}

at::Tensor Decoder::logits(const at::Tensor& h) const {
  const at::Tensor all = aten::linear(h, model_.head_weight());
  return all.narrow(-1, 0, num_tokens_);
}

}  // namespace easylm
