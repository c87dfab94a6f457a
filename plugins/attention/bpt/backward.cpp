// Backward: scores are computed again, block by block. A block of queries adds to the gradients of the keys
// that it sees as soon as the block before it in its chain has: sums have one order, whatever the threads.
#include <algorithm>
#include <atomic>
#include <limits>
#include <numbers>
#include <thread>
#include <vector>

#include "attend.h"
#include "buffer.h"
#include "easylm/tensor/aten.h"
#include "tasks.h"

namespace easylm::bpt {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr std::int64_t kStripTiles = 8;

// How far the blocks of queries of each chain have come: no block is ahead of the one before it. A thread
// that works on one must not throw, or others would wait for it for ever.
class Progress {
 public:
  static constexpr std::int64_t kDone = std::numeric_limits<std::int64_t>::max();

  Progress(std::int64_t num_chains, std::int64_t length)
      : length_(length), keys_done_(static_cast<std::size_t>(num_chains * length)) {}

  // Waits until the block before `block` has added to all blocks of keys that begin below `key`.
  void wait(const QueryBlock& block, std::int64_t key) {
    while (block.place > 0 && of(block.key_head, block.place - 1).load(std::memory_order_acquire) < key) {
      std::this_thread::yield();
    }
  }

  // The same, and says that `block` has, too.
  void advance(const QueryBlock& block, std::int64_t key) {
    wait(block, key);
    of(block.key_head, block.place).store(key, std::memory_order_release);
  }

 private:
  std::atomic<std::int64_t>& of(std::int64_t chain, std::int64_t place) {
    return keys_done_[static_cast<std::size_t>(chain * length_ + place)];
  }

  std::int64_t length_;
  std::vector<std::atomic<std::int64_t>> keys_done_;  // by chain and place
};

// One thread's block of queries. Strips of tiles are as high as the sums over queries are deep.
class Worker {
 public:
  Worker(Attention& attention, const Queries& queries, const at::Tensor& dq_BCNH)
      : attention_(attention),
        blocking_(attention.blocking()),
        queries_(queries),
        dq_BCNH_(dq_BCNH),
        packer_(blocking_, dq_BCNH.scalar_type(), blocking_.queries),
        panels_(buffer_of(blocking_.queries * blocking_.words)),
        output_panels_(panels_.size()),
        by_width_(buffer_of(round_up(blocking_.queries, 2) / blocking_.numbers_per_word * blocking_.width)),
        outputs_by_width_(by_width_.size()),
        p_(buffer_of(kStripTiles * blocking_.rows / blocking_.numbers_per_word * kRowStride)),
        ds_(p_.size()),
        tile_(blocking_.has_pairs() ? buffer_of(3 * blocking_.rows * kRowStride) : Buffer()),
        dq_(buffer_of(blocking_.queries * blocking_.width)),
        lse_(buffer_of(blocking_.queries)),
        delta_(buffer_of(blocking_.queries)) {}

  void run(const QueryBlock& block, Progress& progress) noexcept {
    load(block);
    const Mask& mask = attention_.mask(block.row);
    const Span reach = mask.reach({queries_.begin + block.queries.begin, block.queries.size});
    if (reach.size > 0) {
      std::int64_t begin = reach.begin / blocking_.keys * blocking_.keys;
      progress.advance(block, begin);
      for (; begin < reach.end(); begin += blocking_.keys) {
        progress.wait(block, begin + 1);
        const std::int64_t strip_rows = kStripTiles * blocking_.rows;
        for (std::int64_t query = 0; query < block.queries.size; query += strip_rows) {
          add_strip(block, {query, std::min(strip_rows, block.queries.size - query)},
                    {begin, blocking_.keys});
        }
        progress.advance(block, begin + 1);
      }
    }
    store(block);
    progress.advance(block, Progress::kDone);
  }

 private:
  struct Strip {
    Span queries;                                 // counted within the block of queries
    Span block;                                   // of keys
    Span tiles[kStripTiles] = {};                 // the keys that each sees, in whole panels
    std::int64_t first = kStripTiles, last = -1;  // tiles that see any
    Span keys = {};                               // all that are seen, in whole tiles
  };

  void load(const QueryBlock& block) {
    const Rows q = rows_of(queries_.q_BCNH, block.row, block.head);
    const Rows d_o = rows_of(queries_.do_BCNH, block.row, block.head);
    const Rows o = rows_of(queries_.outputs.o_BTNH, block.row, block.head);
    packer_.pack_by_token(Factor::first, q, block.queries, panels_.data());
    packer_.pack_by_token(Factor::first, d_o, block.queries, output_panels_.data());
    packer_.pack_widths(q, block.queries, by_width_.data(), width_stride());
    packer_.pack_widths(d_o, block.queries, outputs_by_width_.data(), width_stride());
    std::fill(dq_.begin(), dq_.end(), 0.0F);
    // Queries that see nothing, and those that fill up a tile, have p = e^(score - inf) = 0.
    std::fill(lse_.begin(), lse_.end(), kInfinity);
    std::fill(delta_.begin(), delta_.end(), 0.0F);
    const at::Tensor& lse_BNT = queries_.outputs.lse_BNT;
    const float* lse =
        lse_BNT.const_data_ptr<float>() + block.row * lse_BNT.stride(0) + block.head * lse_BNT.stride(1);
    for (std::int64_t i = 0; i < block.queries.size; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::int64_t query = block.queries.begin + i;
      if (lse[query] != -kInfinity) lse_[at] = lse[query] * std::numbers::log2e_v<float>;
      delta_[at] = dot(d_o.at(query), o.at(query), blocking_.head_dim, q.dtype);
    }
  }

  std::int64_t width_stride() const {
    return round_up(blocking_.queries, 2) / blocking_.numbers_per_word * blocking_.columns;
  }

  void add_strip(const QueryBlock& block, Span queries, Span keys) {
    const Strip strip = reach_of(block, queries, keys);
    for (std::int64_t tile = strip.first; tile <= strip.last; ++tile) {
      const Span seen = strip.tiles[tile];
      clear_outside(strip, tile);
      if (seen.size > 0) add_tile(block, strip, tile);
    }
    // One after the other: a strip of output gradients and one of queries don't fit the first-level cache.
    add_key_gradients(strip, p_, outputs_by_width_, attention_.value_sums(block.key_head));
    add_key_gradients(strip, ds_, by_width_, attention_.key_sums(block.key_head));
  }

  Strip reach_of(const QueryBlock& block, Span queries, Span keys) const {
    const Mask& mask = attention_.mask(block.row);
    Strip strip{.queries = queries, .block = keys};
    std::int64_t begin = keys.end(), end = keys.begin;
    for (std::int64_t tile = 0; tile * blocking_.rows < queries.size; ++tile) {
      const Span reach = mask.reach(queries_of(block, strip, tile));
      const Span seen = strip.tiles[tile] = whole_panels(blocking_, reach, keys);
      if (seen.size == 0) continue;
      strip.first = std::min(strip.first, tile);
      strip.last = tile;
      begin = std::min(begin, seen.begin);
      end = std::max(end, seen.end());
    }
    if (begin < end) {
      begin = keys.begin + (begin - keys.begin) / blocking_.rows * blocking_.rows;
      strip.keys = {begin, round_up(end - keys.begin, blocking_.rows) + keys.begin - begin};
    }
    return strip;
  }

  // The queries of a tile as counted in the whole call.
  Span queries_of(const QueryBlock& block, const Strip& strip, std::int64_t tile) const {
    const std::int64_t begin = tile * blocking_.rows;
    return {queries_.begin + block.queries.begin + strip.queries.begin + begin,
            std::min(blocking_.rows, strip.queries.size - begin)};
  }

  // Where the probabilities or derivatives of a tile begin, in words of `keys`.
  std::int64_t offset(const Strip& strip, std::int64_t tile, std::int64_t key) const {
    return tile * blocking_.rows / blocking_.numbers_per_word * kRowStride + key - strip.block.begin;
  }

  // A tile adds nothing to the keys that others see and it doesn't.
  void clear_outside(const Strip& strip, std::int64_t tile) {
    const Span seen = strip.tiles[tile], all = strip.keys;
    const std::int64_t before = seen.size > 0 ? seen.begin - all.begin : all.size;
    const std::int64_t after = seen.size > 0 ? all.end() - seen.end() : 0;
    if (before == 0 && after == 0) return;
    for (std::int64_t row = 0; row < blocking_.rows / blocking_.numbers_per_word; ++row) {
      const std::int64_t first = offset(strip, tile, all.begin) + row * kRowStride;
      for (Buffer* words : {&p_, &ds_}) {
        std::fill_n(words->begin() + first, before, 0.0F);
        std::fill_n(words->begin() + first + all.size - after, after, 0.0F);
      }
    }
  }

  // p and ds of a tile, and what they add to the gradient of its queries.
  void add_tile(const QueryBlock& block, const Strip& strip, std::int64_t tile) {
    const Span keys = strip.tiles[tile], queries = queries_of(block, strip, tile);
    const std::int64_t query = strip.queries.begin + tile * blocking_.rows, width = blocking_.width;
    const std::int64_t at = offset(strip, tile, keys.begin), room = blocking_.rows * kRowStride;
    const bool pairs = blocking_.has_pairs();
    float* scores = pairs ? tile_.data() : p_.data() + at;
    float* dp = pairs ? tile_.data() + room : ds_.data() + at;
    float* ds_rows = pairs ? tile_.data() + 2 * room : dp;
    const PackedKeys& packed = attention_.keys();
    score(panels_.data() + query * blocking_.words, packed.keys_by_token(block.key_head, keys.begin), keys,
          scores);
    score(output_panels_.data() + query * blocking_.words, packed.values_by_token(block.key_head, keys.begin),
          keys, dp);
    const Mask& mask = attention_.mask(block.row);
    if (!mask.sees_all(queries, keys)) mask.hide(queries, keys, scores, kRowStride);
    blocking_.tiles.gradient({.scores = scores,
                              .dp = dp,
                              .keys = keys.size,
                              .scale = attention_.scale() * std::numbers::log2e_v<float>,
                              .lse = lse_.data() + query,
                              .delta = delta_.data() + query,
                              .p_pairs = p_.data() + at,
                              .ds_pairs = ds_.data() + at,
                              .ds_rows = ds_rows});
    blocking_.tiles.add_row_product({.words = keys.size / blocking_.numbers_per_word,
                                     .a = ds_rows,
                                     .a_stride = 1,
                                     .b = packed.keys_by_width(block.key_head, keys.begin),
                                     .b_stride = packed.width_stride(),
                                     .panels = width / blocking_.columns,
                                     .c = dq_.data() + query * width,
                                     .c_stride = width});
  }

  void score(const float* rows, const float* tokens, Span keys, float* out) const {
    blocking_.tiles.multiply({.words = blocking_.words,
                              .a = rows,
                              .a_stride = blocking_.rows,
                              .b = tokens,
                              .b_stride = blocking_.words * blocking_.columns,
                              .panels = keys.size / blocking_.columns,
                              .c = out,
                              .c_stride = kRowStride});
  }

  // Sums over a strip's queries, for each tile of keys from the tiles of queries that see one of them.
  void add_key_gradients(const Strip& strip, const Buffer& factors, const Buffer& by_width,
                         float* sums) const {
    const std::int64_t per_word = blocking_.numbers_per_word, width = blocking_.width;
    for (std::int64_t key = strip.keys.begin; key < strip.keys.end(); key += blocking_.rows) {
      const Span keys{key, blocking_.rows};
      std::int64_t first = strip.first, last = strip.last;
      while (first <= last && common(keys, strip.tiles[first]).size == 0) ++first;
      while (last > first && common(keys, strip.tiles[last]).size == 0) --last;
      if (first > last) continue;
      const std::int64_t begin = first * blocking_.rows;
      const std::int64_t end = std::min((last + 1) * blocking_.rows, strip.queries.size);
      blocking_.tiles.add_product(
          {.words = (end - begin + per_word - 1) / per_word,
           .a = factors.data() + offset(strip, first, key),
           .a_stride = kRowStride,
           .b = by_width.data() + (strip.queries.begin + begin) / per_word * blocking_.columns,
           .b_stride = width_stride(),
           .panels = width / blocking_.columns,
           .c = sums + key * width,
           .c_stride = width});
    }
  }

  void store(const QueryBlock& block) const {
    const Rows out = rows_of(dq_BCNH_, block.row, block.head);
    for (std::int64_t i = 0; i < block.queries.size; ++i) {
      store_row(dq_.data() + i * blocking_.width, blocking_.head_dim, attention_.scale(), out.dtype,
                out.at(block.queries.begin + i));
    }
  }

  Attention& attention_;
  const Blocking& blocking_;
  const Queries& queries_;
  const at::Tensor& dq_BCNH_;
  Packer packer_;
  Buffer panels_, output_panels_;       // of queries and output gradients, by row
  Buffer by_width_, outputs_by_width_;  // the same for sums over queries
  Buffer p_, ds_;                       // of a strip
  Buffer tile_;                         // scores, dp and ds of a tile, if words are pairs
  Buffer dq_;                           // [queries, width], without the scale
  Buffer lse_, delta_;
};

}  // namespace

at::Tensor Attention::backward(const Queries& queries) {
  at::Tensor dq_BCNH = aten::empty(queries.q_BCNH.sizes(), queries.q_BCNH.options());
  const Blocks blocks(*this, queries.q_BCNH);
  Progress progress(blocks.num_chains, blocks.length);
  share(blocks.size(), [&](Tasks& tasks) {
    Worker worker(*this, queries, dq_BCNH);
    for (std::int64_t task = tasks.take(); task >= 0; task = tasks.take()) {
      worker.run(blocks.at(task), progress);
    }
  });
  return dq_BCNH;
}

}  // namespace easylm::bpt
