// Blockwise attention, forward and backward, over keys that come all at once or chunk by chunk. Memory beside
// inputs and outputs: packed keys and values and the sums of their gradients, linear in their length, and a
// few blocks a thread. The same bits for any number of threads.
//
// After Liu and Abbeel, "Blockwise Parallel Transformer for Large Context Models" (2023), and Dao,
// "FlashAttention-2" (2023).
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "blocking.h"
#include "easylm/tensor/attention.h"
#include "mask.h"
#include "packed_keys.h"

namespace easylm::bpt {

struct Outputs {
  at::Tensor o_BTNH;
  at::Tensor lse_BNT;  // fp32; -inf for a query that sees nothing
};

struct KeyGradients {
  at::Tensor dk_BSKH, dv_BSKH;
};

struct Problem {
  AttentionMask mask;  // of all queries and keys; its tensors are contiguous
  double scale;        // above 0
  std::int64_t num_keys;
  Options options = {};
};

// A block of queries of one head, counted within their tensor.
struct QueryBlock {
  std::int64_t row, head, key_head;  // key_head: row · heads of keys + head
  std::int64_t place;                // in the chain of its head of keys
  Span queries;
};

// Queries, their outputs, and the gradient of those; on the CPU, of one dtype (fp32, bf16 or fp16), a head's
// numbers side by side. Query 0 is query `begin` of the whole call.
struct Queries {
  at::Tensor q_BCNH;
  std::int64_t begin;
  Outputs outputs = {};
  at::Tensor do_BCNH = {};
};

class Attention {
 public:
  Attention(Problem problem, Use use) : problem_(std::move(problem)), use_(use) {}

  // Keys and values from token `begin` on: in order, all before the first query. A head's numbers lie side by
  // side.
  void add_keys(const at::Tensor& k_BCKH, const at::Tensor& v_BCKH, std::int64_t begin);

  Outputs forward(const Queries& queries) const;

  // dq_BCNH; adds to the gradients of keys and values.
  at::Tensor backward(const Queries& queries);

  // Of `tokens` of every row.
  KeyGradients gradients(Span tokens) const;

  // For the loops over blocks.
  const Blocking& blocking() const { return *blocking_; }
  const PackedKeys& keys() const { return *keys_; }
  const Mask& mask(std::int64_t row) const { return masks_[static_cast<std::size_t>(row)]; }
  float scale() const { return static_cast<float>(problem_.scale); }
  float* key_sums(std::int64_t key_head) { return sums_of(key_sums_, key_head); }
  float* value_sums(std::int64_t key_head) { return sums_of(value_sums_, key_head); }

  // The blocks of `queries`, a chain for each head of keys. As many chains at once as there are threads, so
  // that what they read stays in the caches: block i of these, then block i + 1, and the next chains when all
  // are done. Where queries see only what lies before them, later blocks cost more.
  class Blocks {
   public:
    Blocks(const Attention& attention, const at::Tensor& q_BCNH);
    std::int64_t size() const { return length * num_chains; }
    QueryBlock at(std::int64_t task) const;

    std::int64_t length, num_chains;  // blocks in a chain; chains

   private:
    std::int64_t at_once_, block_queries_, num_queries_, heads_, key_heads_;
  };

 private:
  float* sums_of(const at::Tensor& sums, std::int64_t key_head) {
    return sums.mutable_data_ptr<float>() + key_head * sums.stride(0);
  }
  void prepare(const at::Tensor& k_BCKH);

  Problem problem_;
  Use use_;
  PackedKeys::Size size_ = {};
  at::ScalarType dtype_ = at::kFloat;
  std::unique_ptr<Blocking> blocking_;
  std::unique_ptr<PackedKeys> keys_;
  std::vector<Mask> masks_;
  at::Tensor key_sums_, value_sums_;  // [heads, keys, width], without the scale
};

}  // namespace easylm::bpt
