// The batches that benchmarks train on.
#pragma once

#include <cstdint>
#include <vector>

#include "easylm/dataset.h"
#include "easylm/random.h"
#include "shapes.h"

namespace easylm::bench {

// Random tokens: what they are doesn't change the arithmetic.
class Batches {
 public:
  explicit Batches(const Shape& shape) : shape_(shape), random_(1, "bench", 0) {
    const auto size = static_cast<std::size_t>(shape.rows * shape.length);
    inputs_.resize(size);
    targets_.resize(size);
    mask_.assign(size, 1);
  }

  TokenBatch next() {
    for (auto* ids : {&inputs_, &targets_}) {
      for (std::int32_t& id : *ids) {
        id = static_cast<std::int32_t>(random_.below(static_cast<std::uint64_t>(shape_.vocab_size)));
      }
    }
    TokenBatch batch;
    batch.num_rows = shape_.rows;
    batch.length = shape_.length;
    batch.inputs = inputs_;
    batch.targets = targets_;
    batch.mask = mask_;
    return batch;
  }

 private:
  const Shape& shape_;
  RandomStream random_;
  std::vector<std::int32_t> inputs_, targets_;
  std::vector<float> mask_;
};

}  // namespace easylm::bench
