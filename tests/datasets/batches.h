// Batches of a dataset as plain rows that can be compared.
#pragma once

#include <cstdint>
#include <vector>

#include "easylm/dataset.h"

namespace easylm::datasets {

struct Row {
  std::vector<std::int32_t> inputs, targets;
  std::vector<float> mask;
  std::vector<std::int32_t> segments = {};
  bool operator==(const Row&) const = default;
};

// The rows of the next batch; none at the end.
inline std::vector<Row> next_rows(Dataset& dataset) {
  TokenBatch batch;
  std::vector<Row> rows;
  if (!dataset.next(batch)) return rows;
  const auto length = static_cast<std::size_t>(batch.length);
  for (std::size_t r = 0; r < static_cast<std::size_t>(batch.num_rows); ++r) {
    const auto cut = [&](auto span) {
      const auto part = span.empty() ? span : span.subspan(r * length, length);
      return std::vector(part.begin(), part.end());
    };
    rows.push_back({cut(batch.inputs), cut(batch.targets), cut(batch.mask), cut(batch.segments)});
  }
  return rows;
}

inline std::vector<Row> next_rows(Dataset& dataset, int num_batches) {
  std::vector<Row> rows;
  for (int i = 0; i < num_batches; ++i) {
    for (Row& row : next_rows(dataset)) rows.push_back(std::move(row));
  }
  return rows;
}

// Of a `once` pass, to its end.
inline std::vector<Row> all_rows(Dataset& dataset) {
  std::vector<Row> rows;
  for (auto batch = next_rows(dataset); !batch.empty(); batch = next_rows(dataset)) {
    rows.insert(rows.end(), batch.begin(), batch.end());
  }
  return rows;
}

}  // namespace easylm::datasets
