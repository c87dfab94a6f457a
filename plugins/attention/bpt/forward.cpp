// Forward: for each block of queries, online softmax over the blocks of keys that it sees.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "attend.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/simd.h"
#include "heads.h"
#include "softmax.h"

namespace easylm::bpt {
namespace {

constexpr float kNothing = -std::numeric_limits<float>::infinity();

// What all blocks of queries share.
template <typename T>
struct Job {
  const Inputs& inputs;
  const Outputs& outputs;
  const Blocking& blocking;
  const PackedHeads& keys;    // by token
  const PackedHeads& values;  // by width
};

// One thread's blocks: queries in panels of [head_dim, panel], and what is known of them so far.
class QueryBlock {
 public:
  explicit QueryBlock(const Blocking& blocking)
      : blocking_(blocking),
        queries_(count(blocking.panels * blocking.head_dim) + kPackSlack),
        scores_(count(blocking.block_keys)),
        sums_(count(blocking.panels * blocking.padded_rows)),
        highest_(count(blocking.panels)),
        sum_(count(blocking.panels)),
        rescale_(count(1)) {}

  template <typename T>
  void run(const Job<T>& job, std::int64_t row, std::int64_t head, Span queries) {
    begin(job, row, head, queries);
    const std::int64_t num_keys = job.inputs.k_BSKH.size(1);
    const std::int64_t key_head = head / (job.inputs.q_BTNH.size(2) / job.inputs.k_BSKH.size(2));
    const Mask mask(job.inputs.mask, row);
    for (std::int64_t first = 0; first < num_keys; first += blocking_.block_keys) {
      const Span keys{first, std::min(blocking_.block_keys, num_keys - first)};
      const float* key_panels = job.keys.block(row, key_head, first);
      const float* value_panels = job.values.block(row, key_head, first);
      for (std::int64_t panel = 0; panel * blocking_.panel < queries.size; ++panel) {
        const Span seen = panel_of(queries, panel);
        const Span reached = mask.reach(seen, keys, blocking_.kernel.tile_rows);
        if (reached.size == 0) continue;
        const Visible visible = mask.between(seen, reached);
        if (visible == Visible::none) continue;
        score(panel, key_panels, reached);
        if (visible == Visible::some) mask.hide(seen, reached, scores_.data(), blocking_.panel, kNothing);
        add_values(panel, {value_panels, keys.size}, reached);
      }
    }
    finish(job, row, head, queries);
  }

 private:
  std::size_t count(std::int64_t rows) const { return static_cast<std::size_t>(rows * blocking_.panel); }

  Span panel_of(Span queries, std::int64_t panel) const {
    const std::int64_t begin = panel * blocking_.panel;
    return {queries.begin + begin, std::min(blocking_.panel, queries.size - begin)};
  }

  template <typename T>
  void begin(const Job<T>& job, std::int64_t row, std::int64_t head, Span queries) {
    pack_tokens(blocking_, rows_of<T>(job.inputs.q_BTNH, row, head), queries, queries_.data());
    const auto scale = static_cast<float>(job.inputs.scale);
    for (float& x : queries_) x *= scale;
    std::fill(sums_.begin(), sums_.end(), 0.0F);
    std::fill(highest_.begin(), highest_.end(), kNothing);
    std::fill(sum_.begin(), sum_.end(), 0.0F);
  }

  // scores[keys, panel] = keys · queries.
  void score(std::int64_t panel, const float* keys, Span span) {
    const std::int64_t width = blocking_.head_dim, rows = blocking_.kernel.tile_rows;
    const float* queries = queries_.data() + panel * width * blocking_.panel;
    for (std::int64_t key = 0; key < span.size; key += rows) {
      blocking_.kernel.tile(width, keys + key * width, queries, blocking_.panel,
                            scores_.data() + key * blocking_.panel, blocking_.panel, false);
    }
  }

  // sums[head_dim, panel] = values · softmax(scores), together with the blocks before.
  void add_values(std::int64_t panel, const PanelBlock& values, Span span) {
    const std::int64_t width = blocking_.panel, rows = blocking_.kernel.tile_rows;
    float* sums = sums_.data() + panel * blocking_.padded_rows * width;
    const PanelState state{highest_.data() + panel * width, sum_.data() + panel * width, rescale_.data()};
    if (accumulate_softmax({scores_.data(), span.size, width}, state)) {
      scale_columns(sums, blocking_.padded_rows, width, rescale_.data());
    }
    for (std::int64_t h = 0; h < blocking_.padded_rows; h += rows) {
      blocking_.kernel.tile(span.size, values.data + h * values.depth, scores_.data(), width,
                            sums + h * width, width, true);
    }
  }

  template <typename T>
  void finish(const Job<T>& job, std::int64_t row, std::int64_t head, Span queries) {
    const at::Tensor &o_BTNH = job.outputs.o_BTNH, &lse_BNT = job.outputs.lse_BNT;
    T* out = o_BTNH.mutable_data_ptr<T>() + row * o_BTNH.stride(0) + head * o_BTNH.stride(2);
    float* lse = lse_BNT.mutable_data_ptr<float>() + row * lse_BNT.stride(0) + head * lse_BNT.stride(1);
    for (std::int64_t i = 0; i < queries.size; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const bool sees = highest_[at] > kNothing || std::isnan(sum_[at]);
      lse[queries.begin + i] = sees ? highest_[at] + std::log(sum_[at]) : kNothing;
      const float* sums =
          sums_.data() + i / blocking_.panel * blocking_.padded_rows * blocking_.panel + i % blocking_.panel;
      const float factor = sees ? 1 / sum_[at] : 0;
      T* to = out + (queries.begin + i) * o_BTNH.stride(1);
      for (std::int64_t h = 0; h < blocking_.head_dim; ++h) narrow(sums[h * blocking_.panel] * factor, to[h]);
    }
  }

  const Blocking& blocking_;
  std::vector<float> queries_, scores_, sums_, highest_, sum_, rescale_;
};

template <typename T>
void attend_into(const Inputs& inputs, const Outputs& outputs) {
  const Blocking blocking(inputs.q_BTNH.size(3));
  const PackedHeads keys(blocking, inputs.k_BSKH, PackedHeads::Lines::by_token);
  const PackedHeads values(blocking, inputs.v_BSKH, PackedHeads::Lines::by_width);
  const Job<T> job{inputs, outputs, blocking, keys, values};
  const std::int64_t num_rows = inputs.q_BTNH.size(0), num_queries = inputs.q_BTNH.size(1),
                     num_heads = inputs.q_BTNH.size(2);
  const std::int64_t blocks = (num_queries + blocking.block_queries() - 1) / blocking.block_queries();
  at::parallel_for(0, num_rows * num_heads * blocks, 1, [&](std::int64_t first, std::int64_t last) {
    QueryBlock block(blocking);
    for (std::int64_t i = first; i < last; ++i) {
      const std::int64_t begin = i % blocks * blocking.block_queries();
      const Span queries{begin, std::min(blocking.block_queries(), num_queries - begin)};
      block.run(job, i / blocks / num_heads, i / blocks % num_heads, queries);
    }
  });
}

}  // namespace

Outputs attend(const Inputs& inputs) {
  const at::Tensor& q = inputs.q_BTNH;
  Outputs outputs{aten::empty(q.sizes(), q.options()),
                  aten::empty({q.size(0), q.size(2), q.size(1)}, q.options().dtype(at::kFloat))};
  if (q.scalar_type() == at::kFloat) {
    attend_into<float>(inputs, outputs);
  } else {
    attend_into<c10::BFloat16>(inputs, outputs);
  }
  return outputs;
}

}  // namespace easylm::bpt
