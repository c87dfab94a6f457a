// All keys and values of a call, packed once and read by every block of queries.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdint>
#include <vector>

#include "blocking.h"
#include "packing.h"

namespace easylm::bpt {

// What will be asked of the keys: outputs, gradients for outputs that are known, or both.
enum class Use { outputs, gradients, both };

class PackedKeys {
 public:
  struct Size {
    std::int64_t batch, num_keys, heads;
  };
  PackedKeys(const Blocking& blocking, const Size& size, Use use);

  // Keys and values of tokens [begin, ...). In order, each once.
  void add(const at::Tensor& k_BCKH, const at::Tensor& v_BCKH, std::int64_t begin);

  // Panels [words, columns] of the tokens from `key` on, a multiple of columns; `head`: row · heads + head.
  const float* keys_by_token(std::int64_t head, std::int64_t key) const { return by_token(keys_, head, key); }
  const float* values_by_token(std::int64_t head, std::int64_t key) const {
    return by_token(values_, head, key);
  }
  // The first of the panels [words of tokens, columns] over the width, width_stride() apart.
  const float* keys_by_width(std::int64_t head, std::int64_t key) const {
    return by_width(keys_across_, head, key);
  }
  const float* values_by_width(std::int64_t head, std::int64_t key) const {
    return by_width(values_across_, head, key);
  }
  std::int64_t width_stride() const { return padded_keys_ / blocking_.numbers_per_word * blocking_.columns; }

 private:
  // Of all heads; `numbers` is that of the tensor, which is asked once and not for every tile.
  struct Panels {
    at::Tensor tensor;  // undefined if not used
    float* numbers = nullptr;
  };

  const float* by_token(const Panels& panels, std::int64_t head, std::int64_t key) const {
    return panels.numbers + head * token_stride_ + key * blocking_.words;
  }
  const float* by_width(const Panels& panels, std::int64_t head, std::int64_t key) const {
    return panels.numbers + head * across_stride_ + key / blocking_.numbers_per_word * blocking_.columns;
  }
  void pack(const at::Tensor& x_BCKH, Span tokens, const Panels& by_token, const Panels& across);
  void pack_head(Packer& packer, const Rows& rows, Span tokens, float* by_token, float* across);

  const Blocking& blocking_;
  Size size_;
  std::int64_t padded_keys_;  // rounded up to whole columns
  std::int64_t token_stride_, across_stride_;
  Panels keys_, values_, keys_across_, values_across_;
  at::Tensor last_keys_, last_values_;  // of a panel that the next tokens will fill
};

}  // namespace easylm::bpt
