// Decoding: a row's last tokens attend to its keys, which may lie in pages. The work is split over the keys.
#pragma once

#include "kernels.h"

namespace easylm::bpt_cuda {

struct DecodeCall {
  // num_keys: of every row, or, with `lengths`, the most that one may have: a row with more is NaN. Causal,
  // the last query standing at the last key.
  Shape shape;
  int window = 0;  // if > 0: query position - key position < window
  float scale = 0;
  ConstView q, k, v;  // of keys and values the batch is the page: row b's are page b, unless there is a table
  View o;
  RowView lse;                            // natural logarithm; data may be null: not wanted
  const std::int32_t* lengths = nullptr;  // [batch]; 0: the row's output is zeros
  const std::int32_t* table = nullptr;    // [batch, table_width]: in which page a row's keys lie
  int page_tokens = 0, table_width = 0;   // with a table; the first a multiple of 16
  int num_splits = 1;                     // parts of each row's keys, of which blocks work at the same time
  float* partial = nullptr;               // decode_scratch_bytes() of device memory; null if that is 0
};
int decode(const DecodeCall& call, CUstream_st* stream);  // as the launchers of kernels.h

std::size_t decode_scratch_bytes(const Shape& shape, int num_splits);
int choose_splits(const Shape& shape, int num_multiprocessors);  // num_keys: the most that a row may have

}  // namespace easylm::bpt_cuda
