// Forward: for each block of queries, online softmax over the blocks of keys that it sees.
#include <algorithm>
#include <cmath>
#include <limits>
#include <numbers>
#include <vector>

#include "attend.h"
#include "buffer.h"
#include "easylm/tensor/aten.h"
#include "tasks.h"

namespace easylm::bpt {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

// One thread's block of queries, in tiles, and what is known of them so far.
class Worker {
 public:
  Worker(const Attention& attention, const Queries& queries)
      : attention_(attention),
        blocking_(attention.blocking()),
        queries_(queries),
        packer_(blocking_, queries.q_BCNH.scalar_type(), blocking_.queries),
        panels_(buffer_of(blocking_.queries * blocking_.words)),
        scores_(buffer_of(blocking_.rows * kRowStride)),
        weights_(blocking_.has_pairs() ? scores_.size() : 0),
        sums_(buffer_of(blocking_.queries * blocking_.width)),
        shifts_(buffer_of(blocking_.queries)),
        weight_sums_(buffer_of(blocking_.queries * kSumLanes)),
        reaches_(static_cast<std::size_t>(blocking_.queries / blocking_.rows)) {}

  void run(const QueryBlock& block) {
    const Mask& mask = attention_.mask(block.row);
    packer_.pack_by_token(Factor::first, rows_of(queries_.q_BCNH, block.row, block.head), block.queries,
                          panels_.data());
    std::fill(sums_.begin(), sums_.end(), 0.0F);
    std::fill(shifts_.begin(), shifts_.end(), kNothing);
    std::fill(weight_sums_.begin(), weight_sums_.end(), 0.0F);
    std::int64_t begin = std::numeric_limits<std::int64_t>::max(), end = 0;
    const std::int64_t tiles = (block.queries.size + blocking_.rows - 1) / blocking_.rows;
    for (std::int64_t tile = 0; tile < tiles; ++tile) {
      const Span reach = mask.reach(queries_of(block, tile));
      reaches_[static_cast<std::size_t>(tile)] = reach;
      if (reach.size == 0) continue;
      begin = std::min(begin, reach.begin / blocking_.keys * blocking_.keys);
      end = std::max(end, reach.end());
    }
    for (; begin < end; begin += blocking_.keys) {
      for (std::int64_t tile = 0; tile < tiles; ++tile) {
        const Span keys =
            whole_panels(blocking_, reaches_[static_cast<std::size_t>(tile)], {begin, blocking_.keys});
        if (keys.size > 0) add_keys(block, tile, keys);
      }
    }
    store(block);
  }

 private:
  // The queries of a tile as counted in the whole call.
  Span queries_of(const QueryBlock& block, std::int64_t tile) const {
    const std::int64_t begin = tile * blocking_.rows;
    return {queries_.begin + block.queries.begin + begin,
            std::min(blocking_.rows, block.queries.size - begin)};
  }

  void add_keys(const QueryBlock& block, std::int64_t tile, Span keys) {
    const Mask& mask = attention_.mask(block.row);
    const PackedKeys& packed = attention_.keys();
    const std::int64_t query = tile * blocking_.rows, width = blocking_.width;
    blocking_.tiles.multiply({.words = blocking_.words,
                              .a = panels_.data() + query * blocking_.words,
                              .a_stride = blocking_.rows,
                              .b = packed.keys_by_token(block.key_head, keys.begin),
                              .b_stride = blocking_.words * blocking_.columns,
                              .panels = keys.size / blocking_.columns,
                              .c = scores_.data(),
                              .c_stride = kRowStride});
    const Span queries = queries_of(block, tile);
    if (!mask.sees_all(queries, keys)) mask.hide(queries, keys, scores_.data(), kRowStride);
    float* weights = blocking_.has_pairs() ? weights_.data() : scores_.data();
    blocking_.tiles.softmax({.scores = scores_.data(),
                             .weights = weights,
                             .keys = keys.size,
                             .scale = attention_.scale() * std::numbers::log2e_v<float>,
                             .shifts = shifts_.data() + query,
                             .sums = weight_sums_.data() + query * kSumLanes,
                             .outputs = sums_.data() + query * width,
                             .width = width});
    blocking_.tiles.add_row_product({.words = keys.size / blocking_.numbers_per_word,
                                     .a = weights,
                                     .a_stride = 1,
                                     .b = packed.values_by_width(block.key_head, keys.begin),
                                     .b_stride = packed.width_stride(),
                                     .panels = width / blocking_.columns,
                                     .c = sums_.data() + query * width,
                                     .c_stride = width});
  }

  void store(const QueryBlock& block) {
    const at::Tensor& lse_BNT = queries_.outputs.lse_BNT;
    const Rows out = rows_of(queries_.outputs.o_BTNH, block.row, block.head);
    float* lse =
        lse_BNT.mutable_data_ptr<float>() + block.row * lse_BNT.stride(0) + block.head * lse_BNT.stride(1);
    for (std::int64_t i = 0; i < block.queries.size; ++i) {
      const float shift = shifts_[static_cast<std::size_t>(i)];
      const float* parts = weight_sums_.data() + i * kSumLanes;
      float sum = 0;
      for (std::int64_t j = 0; j < kSumLanes; ++j) sum += parts[j];
      const bool sees = shift > kNothing || std::isnan(sum);
      const std::int64_t query = block.queries.begin + i;
      lse[query] = sees ? shift * std::numbers::ln2_v<float> + std::log(sum) : kNothing;
      store_row(sums_.data() + i * blocking_.width, blocking_.head_dim, sees ? 1 / sum : 0, out.dtype,
                out.at(query));
    }
  }

  const Attention& attention_;
  const Blocking& blocking_;
  const Queries& queries_;
  Packer packer_;
  Buffer panels_;            // of queries
  Buffer scores_, weights_;  // of a tile
  Buffer sums_;              // [queries, width]
  Buffer shifts_, weight_sums_;
  std::vector<Span> reaches_;  // of tiles
};

}  // namespace

Outputs Attention::forward(const Queries& given) const {
  Queries queries = given;
  const at::Tensor& q = queries.q_BCNH;
  queries.outputs = {aten::empty(q.sizes(), q.options()),
                     aten::empty({q.size(0), q.size(2), q.size(1)}, q.options().dtype(at::kFloat))};
  const Blocks blocks(*this, q);
  share(blocks.size(), [&](Tasks& tasks) {
    Worker worker(*this, queries);
    // The dearest first, so that no thread is left with one at the end.
    for (std::int64_t task = tasks.take(); task >= 0; task = tasks.take()) {
      worker.run(blocks.at(blocks.size() - 1 - task));
    }
  });
  return queries.outputs;
}

}  // namespace easylm::bpt
