// Allocates results and launches the kernels.
#include "attend.h"

#include <memory>
#include <utility>

#include "device.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/autograd_function.h"
#include "forward_sm90.h"

namespace easylm::bpt_cuda {
namespace {

constexpr int kFewQueries = 8;  // from here on a tile of queries is worth its loads

// The tokens that were added last, under a mask that says no more than that.
bool is_decoding(const Problem& problem) {
  const Mask& mask = problem.mask;
  const bool plain = mask.starts_q == nullptr && mask.segments_q == nullptr && mask.keep == nullptr;
  return plain && mask.causal && problem.shape.num_queries <= kFewQueries &&
         mask.query_offset + problem.shape.num_queries == problem.shape.num_keys;
}

at::Tensor empty_rows(const at::Tensor& q_BTNH) {
  return aten::empty({q_BTNH.size(0), q_BTNH.size(2), q_BTNH.size(1)}, q_BTNH.options().dtype(at::kFloat));
}

Outputs empty_outputs(const Operands& operands) {
  const at::Tensor& q = operands.q_BTNH;
  return {aten::empty(q.sizes(), q.options()), empty_rows(q)};
}

void launch_decode(const Problem& problem, const Operands& operands, Outputs& outputs) {
  const at::Device device = operands.q_BTNH.device();
  DecodeCall call;
  call.shape = problem.shape;
  call.window = problem.mask.window;
  call.scale = static_cast<float>(problem.scale);
  call.q = view_of(operands.q_BTNH);
  call.k = view_of(operands.k_BSKH);
  call.v = view_of(operands.v_BSKH);
  call.o = writable_view_of(outputs.o_BTNH);
  call.lse = rows_of(outputs.lse_BNT);
  const at::Tensor scratch = with_scratch(call, device);
  launch_on(device, [&](CUstream_st* stream) { return decode(call, stream); });
}

void launch_forward(const Problem& problem, const Operands& operands, Outputs& outputs) {
  const ForwardCall call{.shape = problem.shape,
                         .mask = problem.mask,
                         .scale = static_cast<float>(problem.scale),
                         .q = view_of(operands.q_BTNH),
                         .k = view_of(operands.k_BSKH),
                         .v = view_of(operands.v_BSKH),
                         .o = writable_view_of(outputs.o_BTNH),
                         .lse = rows_of(outputs.lse_BNT)};
  const bool on_sm90 = problem.forward_kernel == ForwardKernel::kSm90 && forward_sm90_serves(call);
  launch_on(operands.q_BTNH.device(), [&](CUstream_st* stream) {
    return on_sm90 ? forward_sm90(call, stream) : forward(call, stream);
  });
}

// Of queries, keys and values.
class Attend : public AutogradFunction {
 public:
  explicit Attend(Problem problem) : problem_(std::move(problem)) {}

  at::Tensor forward(const Tensors& inputs, Tensors& saved) override {
    const Operands operands = readable(Operands{inputs[0], inputs[1], inputs[2]});
    Outputs outputs = attend(problem_, operands);
    lse_BNT_ = outputs.lse_BNT;
    saved = {operands.q_BTNH, operands.k_BSKH, operands.v_BSKH, outputs.o_BTNH};
    return outputs.o_BTNH;
  }

  Tensors backward(const Tensors& saved, const at::Tensor& gradient,
                   const std::vector<bool>& /*wanted*/) override {
    const auto like = [](const at::Tensor& x) { return aten::empty(x.sizes(), x.options()); };
    Gradients found{like(saved[0]), like(saved[1]), like(saved[2])};
    attend_backward(problem_, {saved[0], saved[1], saved[2]}, {{saved[3], lse_BNT_}, gradient}, found);
    return {found.dq_BTNH, found.dk_BSKH, found.dv_BSKH};
  }

  const at::Tensor& lse() const { return lse_BNT_; }

 private:
  Problem problem_;
  at::Tensor lse_BNT_;
};

}  // namespace

at::Tensor with_scratch(DecodeCall& call, at::Device device) {
  call.num_splits = choose_splits(call.shape, num_multiprocessors(device));
  const auto bytes = static_cast<std::int64_t>(decode_scratch_bytes(call.shape, call.num_splits));
  if (bytes == 0) return {};
  at::Tensor scratch = aten::empty({bytes}, at::TensorOptions(at::kByte).device(device));
  call.partial = static_cast<float*>(scratch.mutable_data_ptr());
  return scratch;
}

Outputs attend(const Problem& problem, const Operands& operands) {
  Outputs outputs = empty_outputs(operands);
  is_decoding(problem) ? launch_decode(problem, operands, outputs)
                       : launch_forward(problem, operands, outputs);
  return outputs;
}

void attend_backward(const Problem& problem, const Operands& operands, const Upstream& upstream,
                     Gradients& gradients) {
  at::Tensor lse_BNT = upstream.outputs.lse_BNT, delta_BNT = empty_rows(operands.q_BTNH);
  const at::Tensor do_BTNH = readable(upstream.do_BTNH), o_BTNH = readable(upstream.outputs.o_BTNH);
  const bool adds = gradients.dk_BSKH.scalar_type() == at::kFloat;
  const BackwardCall call{.shape = problem.shape,
                          .mask = problem.mask,
                          .scale = static_cast<float>(problem.scale),
                          .q = view_of(operands.q_BTNH),
                          .k = view_of(operands.k_BSKH),
                          .v = view_of(operands.v_BSKH),
                          .o = view_of(o_BTNH),
                          .d_o = view_of(do_BTNH),
                          .lse = rows_of(lse_BNT),
                          .delta = rows_of(delta_BNT),
                          .dq = writable_view_of(gradients.dq_BTNH),
                          .dk = writable_view_of(gradients.dk_BSKH),
                          .dv = writable_view_of(gradients.dv_BSKH),
                          .key_gradients = adds ? KeyGradients::kAddFp32 : KeyGradients::kWrite};
  launch_on(operands.q_BTNH.device(), [&](CUstream_st* stream) { return backward(call, stream); });
}

Outputs attend_differentiably(const Problem& problem, const Operands& operands) {
  const auto attend = std::make_shared<Attend>(problem);
  const at::Tensor o_BTNH = apply_function(attend, {operands.q_BTNH, operands.k_BSKH, operands.v_BSKH});
  return {o_BTNH, attend->lse()};
}

}  // namespace easylm::bpt_cuda
