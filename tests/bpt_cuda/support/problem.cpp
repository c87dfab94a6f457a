// Attention problems: their inputs, and what the emulated kernels make of them.
#include "problem.h"

#include <cuda_runtime_api.h>

#include <cmath>
#include <cstring>
#include <random>
#include <sstream>
#include <stdexcept>

namespace easylm::bpt_cuda_test {
namespace {

bool is_varlen(const Case& example) { return !example.starts_q.empty(); }

Dimensions dimensions_of(const Case& example, int tokens, const std::vector<std::int32_t>& starts,
                         int heads) {
  if (is_varlen(example)) return {1, starts.back(), heads, example.shape.head_dim};
  return {example.shape.batch, tokens, heads, example.shape.head_dim};
}

Tensor16 queries(const Case& example, Layout layout) {
  const bpt_cuda::Shape& shape = example.shape;
  return {shape.element, dimensions_of(example, shape.num_queries, example.starts_q, shape.num_heads),
          layout};
}

Tensor16 keys(const Case& example, Layout layout) {
  const bpt_cuda::Shape& shape = example.shape;
  return {shape.element, dimensions_of(example, shape.num_keys, example.starts_k, shape.num_key_value_heads),
          layout};
}

std::vector<float> unset_rows(const Case& example) {
  const Dimensions d =
      dimensions_of(example, example.shape.num_queries, example.starts_q, example.shape.num_heads);
  return std::vector<float>(static_cast<std::size_t>(d.batch) * d.heads * d.tokens, std::nanf(""));
}

}  // namespace

std::string describe(const Case& example) {
  const bpt_cuda::Shape& shape = example.shape;
  std::ostringstream text;
  text << (shape.element == Element::kBf16 ? "bf16" : "fp16") << " width " << shape.head_dim << ", "
       << shape.batch << " x " << shape.num_queries << " queries, " << shape.num_keys << " keys, "
       << shape.num_heads << "/" << shape.num_key_value_heads << " heads, causal " << example.causal
       << ", window " << example.window << ", offset " << example.query_offset << ", layout "
       << static_cast<int>(example.layout);
  if (!example.segments_q.empty()) text << ", segments";
  if (!example.keep.empty()) text << ", keep";
  if (is_varlen(example)) text << ", cumulative lengths";
  return text.str();
}

bool sees(const Case& example, int b, int t, int s) {
  int offset = example.query_offset;
  if (is_varlen(example)) {
    offset =
        (example.starts_k[b + 1] - example.starts_k[b]) - (example.starts_q[b + 1] - example.starts_q[b]);
  }
  const int distance = t + offset - s;
  if (example.causal && distance < 0) return false;
  if (example.window > 0 && distance >= example.window) return false;
  const bpt_cuda::Shape& shape = example.shape;
  if (!example.segments_q.empty() &&
      example.segments_q[b * shape.num_queries + t] != example.segments_k[b * shape.num_keys + s]) {
    return false;
  }
  return example.keep.empty() || example.keep[b * shape.num_keys + s] != 0 || distance == 0;
}

Inputs make_inputs(const Case& example) {
  const float scale = 1 / std::sqrt(static_cast<float>(example.shape.head_dim));
  Inputs inputs = {queries(example, example.layout), keys(example, example.layout),
                   keys(example, example.layout), queries(example, example.layout), scale};
  std::mt19937 random(static_cast<unsigned>(example.shape.num_queries * 31 + example.shape.head_dim));
  const auto even = [&] { return (static_cast<double>(random()) / 0x1p31 - 1) * example.magnitude; };
  inputs.q.fill(even);
  inputs.k.fill(even);
  inputs.v.fill(even);
  inputs.d_o.fill(even);
  if (example.largest_logit > 0) {
    // Every query and every key points along one direction, forwards or backwards, with a length of its own.
    const double length = std::sqrt(example.largest_logit / scale / example.shape.head_dim);
    double sign = 1, size = 1;
    const auto along = [&](int, int, int, int i) {
      if (i == 0) {
        sign = random() % 2 == 0 ? 1 : -1;
        size = 0.5 + static_cast<double>(random()) / 0x1p33;
      }
      return sign * size * length;
    };
    inputs.q.fill_rows(along);
    inputs.k.fill_rows(along);
  }
  return inputs;
}

void require_success(int status, const char* launcher) {
  if (status != 0) throw std::runtime_error(std::string(launcher) + " refused: " + std::to_string(status));
}

bpt_cuda::Mask mask_of(const Case& example) {
  bpt_cuda::Mask mask;
  mask.causal = example.causal;
  mask.window = example.window;
  mask.query_offset = example.query_offset;
  if (!example.segments_q.empty()) {
    mask.segments_q = example.segments_q.data();
    mask.segments_k = example.segments_k.data();
    mask.segments_q_stride = example.shape.num_queries;
    mask.segments_k_stride = example.shape.num_keys;
  }
  if (!example.keep.empty()) {
    mask.keep = reinterpret_cast<const bool*>(example.keep.data());
    mask.keep_stride = example.shape.num_keys;
  }
  if (is_varlen(example)) {
    mask.starts_q = example.starts_q.data();
    mask.starts_k = example.starts_k.data();
  }
  return mask;
}

bpt_cuda::RowView rows_of(const Case& example, std::vector<float>& numbers) {
  const std::int64_t tokens = is_varlen(example) ? example.starts_q.back() : example.shape.num_queries;
  return {numbers.data(), tokens * example.shape.num_heads, tokens};
}

Outputs run_kernels(const Case& example, const Inputs& inputs, const emulation::Schedule& schedule) {
  CUstream_st stream{schedule};
  Outputs outputs = {queries(example, example.layout), queries(example, example.layout),
                     keys(example, example.layout), keys(example, example.layout), unset_rows(example)};
  bpt_cuda::Mask mask = mask_of(example);
  std::vector<std::int32_t> summary(bpt_cuda::mask_summary_bytes(example.shape, mask) / sizeof(std::int32_t));
  if (!summary.empty()) {
    require_success(bpt_cuda::summarize_mask(example.shape, mask, summary.data(), &stream), "summarize_mask");
    mask.summary = summary.data();
  }
  const bpt_cuda::RowView lse = rows_of(example, outputs.lse);
  require_success(bpt_cuda::forward({example.shape, mask, inputs.scale, inputs.q.view(), inputs.k.view(),
                                     inputs.v.view(), outputs.o.view(), lse},
                                    &stream),
                  "forward");
  std::vector<float> delta = unset_rows(example);
  const Outputs& written = outputs;
  require_success(bpt_cuda::backward(
                      {example.shape, mask, inputs.scale, inputs.q.view(), inputs.k.view(), inputs.v.view(),
                       written.o.view(), inputs.d_o.view(), lse, rows_of(example, delta), outputs.dq.view(),
                       outputs.dk.view(), outputs.dv.view(), bpt_cuda::KeyGradients::kWrite},
                      &stream),
                  "backward");
  return outputs;
}

std::vector<double> numbers_of(const Tensor16& tensor) {
  const Dimensions& d = tensor.dimensions();
  std::vector<double> numbers;
  numbers.reserve(static_cast<std::size_t>(d.batch) * d.tokens * d.heads * d.width);
  for (int batch = 0; batch < d.batch; ++batch) {
    for (int token = 0; token < d.tokens; ++token) {
      for (int head = 0; head < d.heads; ++head) {
        for (int i = 0; i < d.width; ++i) numbers.push_back(tensor.get(batch, token, head, i));
      }
    }
  }
  return numbers;
}

}  // namespace easylm::bpt_cuda_test
