// Copies batches into tensors, and checks them.
#include "easylm/tensor/batch.h"

#include <ATen/core/Tensor.h>

#include <algorithm>
#include <array>
#include <string>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"

namespace easylm {
namespace {

template <typename T>
at::Tensor copy_of(std::span<const T> values, const TokenBatch& batch, at::ScalarType stored,
                   at::TensorOptions wanted) {
  EASYLM_CHECK(static_cast<std::int64_t>(values.size()) == batch.num_rows * batch.length,
               "a batch's spans must hold num_rows * length elements");
  const std::array<std::int64_t, 2> shape = {batch.num_rows, batch.length};
  void* data = const_cast<T*>(values.data());  // NOLINT: from_blob takes no pointer to const; only read here
  return aten::from_blob(data, shape, stored).to(wanted, /*non_blocking=*/false, /*copy=*/true);
}

void check_ids(std::span<const std::int32_t> ids, const TokenBatch& batch, std::int64_t vocabulary_size) {
  const auto bad =
      std::ranges::find_if(ids, [&](std::int32_t id) { return id < 0 || id >= vocabulary_size; });
  if (bad == ids.end()) return;
  throw Error(
      ErrorCode::invalid_config,
      "the batch from " + batch.first.where + " holds token " + std::to_string(*bad) +
          ", the model's vocabulary has " + std::to_string(vocabulary_size) + " tokens",
      "set the model's vocab_size to the tokenizer's vocabulary size, or use the model's own tokenizer");
}

}  // namespace

BatchTensors BatchTensors::rows(std::int64_t begin, std::int64_t end) const {
  const auto cut = [&](const at::Tensor& tensor) {
    return tensor.defined() ? tensor.narrow(0, begin, end - begin) : tensor;
  };
  return {cut(inputs_BT), cut(targets_BT), cut(mask_BT), cut(segments_BT)};
}

BatchTensors tensors_of(const TokenBatch& batch, at::Device device) {
  const auto options = at::TensorOptions().device(device);
  BatchTensors tensors;
  tensors.inputs_BT = copy_of(batch.inputs, batch, at::kInt, options.dtype(at::kLong));
  tensors.targets_BT = copy_of(batch.targets, batch, at::kInt, options.dtype(at::kLong));
  tensors.mask_BT = copy_of(batch.mask, batch, at::kFloat, options.dtype(at::kFloat));
  if (!batch.segments.empty()) {
    tensors.segments_BT = copy_of(batch.segments, batch, at::kInt, options.dtype(at::kInt));
  }
  return tensors;
}

void check_batch(const TokenBatch& batch, const ModelFacts& facts) {
  if (batch.length > facts.max_positions) {
    throw Error(ErrorCode::invalid_config,
                "the dataset's rows have " + std::to_string(batch.length) + " tokens, the model has " +
                    std::to_string(facts.max_positions) + " positions",
                "lower the dataset's sequence_length, or raise the model's max_position_embeddings");
  }
  check_ids(batch.inputs, batch, facts.vocabulary_size);
  check_ids(batch.targets, batch, facts.vocabulary_size);
}

}  // namespace easylm
