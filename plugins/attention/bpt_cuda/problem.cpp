// Checks tensors and turns them into pointers, strides and counts.
#include "problem.h"

#include <algorithm>
#include <array>

#include "device.h"
#include "easylm/error.h"
#include "easylm/tensor/aten.h"

namespace easylm::bpt_cuda {
namespace {

constexpr std::int64_t kLargestCount = std::int64_t{1} << 30;
constexpr std::int64_t kAlignment = 16;  // bytes: what one instruction copies
constexpr std::array<std::int64_t, 5> kWidths{64, 80, 96, 128, 256};

// A dimension of one has any stride.
std::int64_t stride_of(const at::Tensor& x, std::int64_t dimension) {
  return x.size(dimension) == 1 ? 0 : x.stride(dimension);
}

Strides strides_of(const at::Tensor& x_BTNH) {
  return {stride_of(x_BTNH, 0), stride_of(x_BTNH, 1), stride_of(x_BTNH, 2)};
}

std::int64_t largest_position(const Shape& shape, std::int64_t query_offset) {
  return query_offset + shape.num_queries;
}

void set_segments(const AttentionMask& mask, Problem& problem) {
  const at::Tensor q_BT = mask.segments_q_BT.to(at::kInt).contiguous();
  const at::Tensor k_BS = mask.segments_k_BS.to(at::kInt).contiguous();
  problem.mask.segments_q = q_BT.const_data_ptr<std::int32_t>();
  problem.mask.segments_k = k_BS.const_data_ptr<std::int32_t>();
  problem.mask.segments_q_stride = stride_of(q_BT, 0);
  problem.mask.segments_k_stride = stride_of(k_BS, 0);
  problem.alive.push_back(q_BT);
  problem.alive.push_back(k_BS);
}

void set_keep(const AttentionMask& mask, Problem& problem) {
  const at::Tensor keep_BS = mask.keep_BS.contiguous();
  problem.mask.keep = keep_BS.const_data_ptr<bool>();
  problem.mask.keep_stride = stride_of(keep_BS, 0);
  problem.alive.push_back(keep_BS);
}

void summarize(at::Device device, Problem& problem) {
  const auto bytes = static_cast<std::int64_t>(mask_summary_bytes(problem.shape, problem.mask));
  if (bytes == 0) return;
  const at::Tensor summary = aten::empty({bytes}, at::TensorOptions(at::kByte).device(device));
  launch_on(device, [&](CUstream_st* stream) {
    return summarize_mask(problem.shape, problem.mask, summary.data_ptr(), stream);
  });
  problem.mask.summary = summary.const_data_ptr();
  problem.alive.push_back(summary);
}

void require(const Operands& operands) {
  const std::string problem = problem_with(operands);
  if (problem.empty()) return;
  throw Error(ErrorCode::unsupported, "attention 'bpt_cuda': " + problem,
              "use attention = \"auto\", which takes a kernel that can");
}

// The longest sequence. Throws unless `starts` go from 0 up to `tokens`.
int check_starts(const at::Tensor& starts, std::int64_t tokens, const char* name) {
  const auto refuse = [&](const std::string& why) {
    throw Error(ErrorCode::invalid_config, std::string("attention 'bpt_cuda': ") + name + " " + why,
                "the first start is 0, the last the number of tokens");
  };
  const bool is_list = starts.dim() == 1 && starts.size(0) >= 1 && starts.scalar_type() == at::kInt;
  if (!is_list || !starts.device().is_cpu()) refuse("must be a list of int32 on the CPU, not empty");
  const at::Tensor list = starts.contiguous();
  const auto* start = list.const_data_ptr<std::int32_t>();
  std::int32_t longest = 0;
  for (std::int64_t i = 1; i < list.size(0); ++i) {
    if (start[i] < start[i - 1])
      refuse("falls from " + std::to_string(start[i - 1]) + " to " + std::to_string(start[i]));
    longest = std::max(longest, start[i] - start[i - 1]);
  }
  const std::int32_t last = start[list.size(0) - 1];
  if (start[0] != 0 || last != tokens) {
    refuse("goes from " + std::to_string(start[0]) + " to " + std::to_string(last) + ", and there are " +
           std::to_string(tokens) + " tokens");
  }
  return longest;
}

}  // namespace

int count_of(std::int64_t count, const char* what) {
  if (count >= 0 && count < kLargestCount) return static_cast<int>(count);
  throw Error(ErrorCode::unsupported,
              "attention 'bpt_cuda': " + std::to_string(count) + " " + what + " are too many: 2^30 at most",
              "use smaller batches or shorter sequences");
}

at::Tensor readable(const at::Tensor& x_BTNH) {
  const std::int64_t unit = kAlignment / static_cast<std::int64_t>(x_BTNH.element_size());
  bool is_aligned =
      x_BTNH.stride(-1) == 1 && reinterpret_cast<std::uintptr_t>(x_BTNH.const_data_ptr()) % kAlignment == 0;
  for (std::int64_t i = 0; i + 1 < x_BTNH.dim(); ++i)
    is_aligned = is_aligned && stride_of(x_BTNH, i) % unit == 0;
  return is_aligned ? x_BTNH : x_BTNH.clone(at::MemoryFormat::Contiguous);
}

Operands readable(const Operands& operands) {
  return {readable(operands.q_BTNH), readable(operands.k_BSKH), readable(operands.v_BSKH)};
}

ConstView view_of(const at::Tensor& x_BTNH) { return {x_BTNH.const_data_ptr(), strides_of(x_BTNH)}; }

View writable_view_of(at::Tensor& x_BTNH) { return {x_BTNH.mutable_data_ptr(), strides_of(x_BTNH)}; }

RowView rows_of(at::Tensor& x_BNT) {
  return {x_BNT.mutable_data_ptr<float>(), x_BNT.stride(0), x_BNT.stride(1)};
}

Shape shape_of(const at::Tensor& q_BTNH, const at::Tensor& k_BSKH) {
  return {.element = q_BTNH.scalar_type() == at::kHalf ? Element::kFp16 : Element::kBf16,
          .head_dim = count_of(q_BTNH.size(3), "numbers of a head"),
          .batch = count_of(q_BTNH.size(0), "rows"),
          .num_queries = count_of(q_BTNH.size(1), "queries"),
          .num_keys = count_of(k_BSKH.size(1), "keys"),
          .num_heads = count_of(q_BTNH.size(2), "heads"),
          .num_key_value_heads = count_of(k_BSKH.size(2), "heads")};
}

std::string problem_with(const Operands& operands) {
  const at::Tensor& q = operands.q_BTNH;
  if (q.device().type() != served_device()) return "it runs on CUDA devices only";
  if (q.scalar_type() != at::kBFloat16 && q.scalar_type() != at::kHalf)
    return "it computes in bf16 and fp16 only";
  for (const at::Tensor* x : {&operands.k_BSKH, &operands.v_BSKH}) {
    if (x->scalar_type() != q.scalar_type()) return "queries, keys and values have different types";
    if (x->device() != q.device()) return "queries, keys and values are on different devices";
  }
  const std::string width = problem_with_width(q.size(-1));
  return width.empty() ? device_problem() : width;
}

std::string problem_with_width(std::int64_t width) {
  for (const std::int64_t served : kWidths) {
    if (width == served) return {};
  }
  return "head width " + std::to_string(width) + " is none of 64, 80, 96, 128 and 256";
}

Problem problem_of(const Operands& operands, const AttentionMask& mask, double scale) {
  require(operands);
  Problem problem;
  problem.shape = shape_of(operands.q_BTNH, operands.k_BSKH);
  problem.scale = scale;
  problem.mask.causal = mask.causal;
  problem.mask.query_offset = count_of(mask.query_offset, "tokens before the first query");
  if (mask.window > 0 && mask.window < largest_position(problem.shape, mask.query_offset)) {
    problem.mask.window = static_cast<int>(mask.window);  // a wider one hides nothing
  }
  if (mask.segments_q_BT.defined()) set_segments(mask, problem);
  if (mask.keep_BS.defined()) set_keep(mask, problem);
  summarize(operands.q_BTNH.device(), problem);
  return problem;
}

Problem problem_of(const Operands& operands, const VarlenCall& call) {
  require(operands);
  if (call.starts_q.sizes() != call.starts_k.sizes()) {
    throw Error(ErrorCode::invalid_config,
                "attention 'bpt_cuda': starts_q and starts_k speak of different numbers of sequences",
                "give both one number more than there are sequences");
  }
  Problem problem;
  problem.shape = shape_of(operands.q_BTNH, operands.k_BSKH);
  problem.shape.num_queries = check_starts(call.starts_q, operands.q_BTNH.size(1), "starts_q");
  problem.shape.num_keys = check_starts(call.starts_k, operands.k_BSKH.size(1), "starts_k");
  problem.shape.batch = count_of(call.starts_q.size(0) - 1, "sequences");
  problem.scale = call.scale;
  problem.mask.causal = call.causal;
  if (call.window > 0 && call.window < largest_position(problem.shape, problem.shape.num_keys)) {
    problem.mask.window = static_cast<int>(call.window);
  }
  const at::Device device = operands.q_BTNH.device();
  const at::Tensor starts_q = call.starts_q.to(device, true).contiguous();
  const at::Tensor starts_k = call.starts_k.to(device, true).contiguous();
  problem.mask.starts_q = starts_q.const_data_ptr<std::int32_t>();
  problem.mask.starts_k = starts_k.const_data_ptr<std::int32_t>();
  problem.alive = {starts_q, starts_k};
  return problem;
}

}  // namespace easylm::bpt_cuda
