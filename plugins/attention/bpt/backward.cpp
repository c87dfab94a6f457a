// Backward: scores are computed again, block by block. One task a key head: it alone adds to that head's
// gradients, in an order that doesn't depend on the number of threads.
#include <ATen/Parallel.h>

#include <algorithm>
#include <limits>
#include <vector>

#include "attend.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/simd.h"
#include "heads.h"
#include "softmax.h"

namespace easylm::bpt {
namespace {

template <typename T>
struct Job {
  const Inputs& inputs;
  const Outputs& outputs;
  const at::Tensor& do_BTNH;
  const Gradients& gradients;
  const Blocking& blocking;
  const PackedHeads &keys, &values;  // by token
  const PackedHeads& keys_by_width;
};

// One thread's key head. Scores are [keys, panel], panel after panel; `q` is q · scale throughout.
class KeyHead {
 public:
  KeyHead(const Blocking& blocking, std::int64_t num_keys)
      : blocking_(blocking),
        queries_(panels_of(blocking.head_dim)),
        outputs_(panels_of(blocking.head_dim)),
        queries_by_width_(count(blocking.block_queries() * blocking.padded_columns)),
        outputs_by_width_(count(blocking.block_queries() * blocking.padded_columns)),
        p_(panels_of(blocking.block_keys)),
        dp_(panels_of(blocking.block_keys)),
        packed_(panels_of(blocking.block_keys)),
        dq_(panels_of(blocking.padded_rows)),
        lse_(panels_of(1)),
        delta_(panels_of(1)),
        dk_(count((num_keys + blocking.block_keys) * blocking.padded_columns)),
        dv_(dk_.size()) {}

  template <typename T>
  void run(const Job<T>& job, std::int64_t row, std::int64_t key_head) {
    std::fill(dk_.begin(), dk_.end(), 0.0F);
    std::fill(dv_.begin(), dv_.end(), 0.0F);
    const std::int64_t shared = job.inputs.q_BTNH.size(2) / job.inputs.k_BSKH.size(2);
    const std::int64_t num_queries = job.inputs.q_BTNH.size(1);
    for (std::int64_t head = key_head * shared; head < (key_head + 1) * shared; ++head) {
      for (std::int64_t first = 0; first < num_queries; first += blocking_.block_queries()) {
        const Span queries{first, std::min(blocking_.block_queries(), num_queries - first)};
        add_queries(job, row, head, key_head, queries);
      }
    }
    store_rows(job.gradients.dk_BSKH, row, key_head, dk_, T());
    store_rows(job.gradients.dv_BSKH, row, key_head, dv_, T());
  }

 private:
  static std::size_t count(std::int64_t numbers) { return static_cast<std::size_t>(numbers + kPackSlack); }
  std::size_t panels_of(std::int64_t rows) const { return count(rows * blocking_.block_queries()); }

  // What one block of queries adds to the gradients of the keys and values that it sees.
  template <typename T>
  void add_queries(const Job<T>& job, std::int64_t row, std::int64_t head, std::int64_t key_head,
                   Span queries) {
    load(job, row, head, queries);
    const Mask mask(job.inputs.mask, row);
    const std::int64_t num_keys = job.inputs.k_BSKH.size(1);
    for (std::int64_t first = 0; first < num_keys; first += blocking_.block_keys) {
      const Span block{first, std::min(blocking_.block_keys, num_keys - first)};
      const Span keys = mask.reach(queries, block, blocking_.kernel.tile_rows);
      if (keys.size == 0 || mask.between(queries, keys) == Visible::none) continue;
      for (std::int64_t panel = 0; panel < blocking_.panels; ++panel) {
        const Span seen = panel_of(queries, panel);
        const Span reached =
            seen.size == 0 ? Span{first, 0} : mask.reach(seen, keys, blocking_.kernel.tile_rows);
        clear_beyond(panel, reached, keys);
        if (reached.size == 0) continue;
        score(panel, job.keys.block(row, key_head, first), queries_, p_, reached);
        score(panel, job.values.block(row, key_head, first), outputs_, dp_, reached);
        differentiate_softmax(panel, mask, seen, reached);
        add_query_gradient(panel, {job.keys_by_width.block(row, key_head, first), block.size}, reached);
      }
      add_key_gradient(p_, outputs_by_width_, dv_, keys);
      add_key_gradient(dp_, queries_by_width_, dk_, keys);
    }
    store_query_gradient(job, row, head, queries);
  }

  template <typename T>
  void load(const Job<T>& job, std::int64_t row, std::int64_t head, Span queries) {
    const Rows<T> q = rows_of<T>(job.inputs.q_BTNH, row, head);
    const Rows<T> d_o = rows_of<T>(job.do_BTNH, row, head);
    const Rows<T> o = rows_of<T>(job.outputs.o_BTNH, row, head);
    pack_tokens(blocking_, q, queries, queries_.data());
    pack_tokens(blocking_, d_o, queries, outputs_.data());
    pack_rows(q, queries, queries_by_width_);
    pack_rows(d_o, queries, outputs_by_width_);
    const auto scale = static_cast<float>(job.inputs.scale);
    for (float& x : queries_) x *= scale;
    for (float& x : queries_by_width_) x *= scale;
    std::fill(dq_.begin(), dq_.end(), 0.0F);
    // Queries that see nothing, and those that fill up the block, have p = e^(score - inf) = 0.
    std::fill(lse_.begin(), lse_.end(), std::numeric_limits<float>::infinity());
    std::fill(delta_.begin(), delta_.end(), 0.0F);
    const at::Tensor& lse_BNT = job.outputs.lse_BNT;
    const float* lse = lse_BNT.const_data_ptr<float>() + row * lse_BNT.stride(0) + head * lse_BNT.stride(1);
    for (std::int64_t i = 0; i < queries.size; ++i) {
      const auto at = static_cast<std::size_t>(i);
      const std::int64_t query = queries.begin + i;
      if (lse[query] != -std::numeric_limits<float>::infinity()) lse_[at] = lse[query];
      for (std::int64_t h = 0; h < blocking_.head_dim; ++h) {
        delta_[at] += widen(d_o.at(query)[h]) * widen(o.at(query)[h]);
      }
    }
  }

  // [queries, tile_columns] panels over the width, with zeros for the queries that fill up the block.
  template <typename T>
  void pack_rows(const Rows<T>& rows, Span queries, std::vector<float>& panels) {
    const std::int64_t columns = blocking_.kernel.tile_columns;
    if (queries.size == blocking_.block_queries()) {
      pack_widths(blocking_, rows, queries, panels.data());
      return;
    }
    std::fill(panels.begin(), panels.end(), 0.0F);
    for (std::int64_t i = 0; i < queries.size; ++i) {
      for (std::int64_t h = 0; h < blocking_.head_dim; ++h) {
        const std::int64_t at = (h / columns * blocking_.block_queries() + i) * columns + h % columns;
        panels[static_cast<std::size_t>(at)] = widen(rows.at(queries.begin + i)[h]);
      }
    }
  }

  // out[keys, panel] = lines of keys or values · the panel's queries or output gradients.
  void score(std::int64_t panel, const float* lines, const std::vector<float>& columns,
             std::vector<float>& out, Span keys) {
    const std::int64_t width = blocking_.head_dim, rows = blocking_.kernel.tile_rows;
    float* to = out.data() + panel * blocking_.block_keys * blocking_.panel;
    for (std::int64_t key = 0; key < keys.size; key += rows) {
      blocking_.kernel.tile(width, lines + key * width, columns.data() + panel * width * blocking_.panel,
                            blocking_.panel, to + key * blocking_.panel, blocking_.panel, false);
    }
  }

  Span panel_of(Span queries, std::int64_t panel) const {
    const std::int64_t begin = panel * blocking_.panel;
    return {queries.begin + begin, std::clamp<std::int64_t>(queries.size - begin, 0, blocking_.panel)};
  }

  // A panel that reaches fewer keys than its block adds nothing to the others.
  void clear_beyond(std::int64_t panel, Span reached, Span keys) {
    if (reached.size == keys.size) return;
    const std::int64_t rows = blocking_.kernel.tile_rows, width = blocking_.panel;
    const std::int64_t at = (panel * blocking_.block_keys + reached.size) * width;
    const std::int64_t size = ((keys.size + rows - 1) / rows * rows - reached.size) * width;
    std::fill_n(p_.begin() + at, size, 0.0F);
    std::fill_n(dp_.begin() + at, size, 0.0F);
  }

  void differentiate_softmax(std::int64_t panel, const Mask& mask, Span seen, Span keys) {
    const std::int64_t width = blocking_.panel, begin = panel * width;
    const std::int64_t at = begin * blocking_.block_keys;
    const GradientPanel block{p_.data() + at, dp_.data() + at,     keys.size,
                              width,          lse_.data() + begin, delta_.data() + begin};
    softmax_probabilities(block);
    if (mask.between(seen, keys) != Visible::all) mask.hide(seen, keys, block.p, width, 0);
    softmax_gradient(block);
  }

  // dq[head_dim, panel] += keys^T · ds.
  void add_query_gradient(std::int64_t panel, const PanelBlock& keys_by_width, Span keys) {
    const std::int64_t width = blocking_.panel, rows = blocking_.kernel.tile_rows;
    const float* ds = dp_.data() + panel * blocking_.block_keys * width;
    float* to = dq_.data() + panel * blocking_.padded_rows * width;
    for (std::int64_t h = 0; h < blocking_.padded_rows; h += rows) {
      blocking_.kernel.tile(keys.size, keys_by_width.data + h * keys_by_width.depth, ds, width,
                            to + h * width, width, true);
    }
  }

  // sums[keys, head_dim] += weights[keys, queries] · columns[queries, head_dim].
  void add_key_gradient(const std::vector<float>& weights, const std::vector<float>& columns,
                        std::vector<float>& sums, Span keys) {
    const std::int64_t rows = blocking_.kernel.tile_rows, width = blocking_.panel;
    const std::int64_t queries = blocking_.block_queries(), to_width = blocking_.padded_columns;
    for (std::int64_t key = 0; key < keys.size; key += rows) {
      for (std::int64_t panel = 0; panel < blocking_.panels; ++panel) {
        const float* from = weights.data() + (panel * blocking_.block_keys + key) * width;
        blocking_.kernel.pack_a({from, width, 1, rows, width}, packed_.data() + panel * width * rows);
      }
      float* to = sums.data() + (keys.begin + key) * to_width;
      for (std::int64_t h = 0; h < to_width; h += blocking_.kernel.tile_columns) {
        blocking_.kernel.tile(queries, packed_.data(), columns.data() + h * queries,
                              blocking_.kernel.tile_columns, to + h, to_width, true);
      }
    }
  }

  template <typename T>
  void store_query_gradient(const Job<T>& job, std::int64_t row, std::int64_t head, Span queries) {
    const at::Tensor& dq_BTNH = job.gradients.dq_BTNH;
    T* out = dq_BTNH.mutable_data_ptr<T>() + row * dq_BTNH.stride(0) + head * dq_BTNH.stride(2);
    const auto scale = static_cast<float>(job.inputs.scale);
    for (std::int64_t i = 0; i < queries.size; ++i) {
      const float* from =
          dq_.data() + i / blocking_.panel * blocking_.padded_rows * blocking_.panel + i % blocking_.panel;
      T* to = out + (queries.begin + i) * dq_BTNH.stride(1);
      for (std::int64_t h = 0; h < blocking_.head_dim; ++h) narrow(from[h * blocking_.panel] * scale, to[h]);
    }
  }

  template <typename T>
  void store_rows(const at::Tensor& x_BSKH, std::int64_t row, std::int64_t head,
                  const std::vector<float>& sums, T /*type*/) {
    T* out = x_BSKH.mutable_data_ptr<T>() + row * x_BSKH.stride(0) + head * x_BSKH.stride(2);
    for (std::int64_t key = 0; key < x_BSKH.size(1); ++key) {
      const float* from = sums.data() + key * blocking_.padded_columns;
      T* to = out + key * x_BSKH.stride(1);
      for (std::int64_t h = 0; h < blocking_.head_dim; ++h) narrow(from[h], to[h]);
    }
  }

  const Blocking& blocking_;
  std::vector<float> queries_, outputs_;                    // [head_dim, panel] panels
  std::vector<float> queries_by_width_, outputs_by_width_;  // [queries, tile_columns] panels
  std::vector<float> p_, dp_;                               // [keys, panel] panels; dp becomes ds
  std::vector<float> packed_;                               // a tile's rows of p or ds
  std::vector<float> dq_;                                   // [head_dim, panel] panels
  std::vector<float> lse_, delta_;
  std::vector<float> dk_, dv_;  // [keys, head_dim], padded
};

template <typename T>
void differentiate_into(const Inputs& inputs, const Outputs& outputs, const at::Tensor& do_BTNH,
                        const Gradients& gradients) {
  const Blocking blocking(inputs.q_BTNH.size(3));
  const PackedHeads keys(blocking, inputs.k_BSKH, PackedHeads::Lines::by_token);
  const PackedHeads values(blocking, inputs.v_BSKH, PackedHeads::Lines::by_token);
  const PackedHeads keys_by_width(blocking, inputs.k_BSKH, PackedHeads::Lines::by_width);
  const Job<T> job{inputs, outputs, do_BTNH, gradients, blocking, keys, values, keys_by_width};
  const std::int64_t heads = inputs.k_BSKH.size(2);
  at::parallel_for(0, inputs.k_BSKH.size(0) * heads, 1, [&](std::int64_t first, std::int64_t last) {
    KeyHead head(blocking, inputs.k_BSKH.size(1));
    for (std::int64_t i = first; i < last; ++i) head.run(job, i / heads, i % heads);
  });
}

}  // namespace

Gradients attend_backward(const Inputs& inputs, const Outputs& outputs, const at::Tensor& do_BTNH) {
  const auto like = [](const at::Tensor& x) { return aten::empty(x.sizes(), x.options()); };
  Gradients gradients{like(inputs.q_BTNH), like(inputs.k_BSKH), like(inputs.v_BSKH)};
  if (do_BTNH.scalar_type() == at::kFloat) {
    differentiate_into<float>(inputs, outputs, do_BTNH, gradients);
  } else {
    differentiate_into<c10::BFloat16>(inputs, outputs, do_BTNH, gradients);
  }
  return gradients;
}

}  // namespace easylm::bpt
