// Sweeps over optimizer state in blocks that stay in the cache.
#include "easylm/tensor/fused_update.h"

#include <ATen/Parallel.h>
#include <c10/util/BFloat16.h>

#include <algorithm>
#include <array>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"

namespace easylm {
namespace {

constexpr std::int64_t kBlock = 2048;        // four fp32 blocks fit into any first-level cache
constexpr std::int64_t kBlocksPerTask = 16;  // smaller shares cost more to hand out than they gain

using Scratch = std::array<float, kBlock>;

// Elements [begin, begin + size) of one tensor as fp32: in place, or in `scratch` if they are bf16.
class FloatView {
 public:
  FloatView(const at::Tensor& tensor, std::int64_t begin, std::int64_t size, Scratch& scratch) : size_(size) {
    if (tensor.scalar_type() == at::kFloat) {
      floats_ = static_cast<float*>(tensor.data_ptr()) + begin;
      return;
    }
    halves_ = static_cast<c10::BFloat16*>(tensor.data_ptr()) + begin;
    floats_ = scratch.data();
    for (std::int64_t i = 0; i < size; ++i) floats_[i] = static_cast<float>(halves_[i]);
  }

  float* data() const { return floats_; }

  void store() const {
    if (halves_ == nullptr) return;
    for (std::int64_t i = 0; i < size_; ++i) halves_[i] = c10::BFloat16(floats_[i]);
  }

 private:
  std::int64_t size_;
  float* floats_ = nullptr;
  c10::BFloat16* halves_ = nullptr;
};

void update_range(const UpdateTensors& tensors, std::int64_t begin, std::int64_t end,
                  const std::function<void(const UpdateBlock&)>& kernel) {
  Scratch parameter_scratch, gradient_scratch, first_scratch, second_scratch;
  for (; begin < end; begin += kBlock) {
    const std::int64_t size = std::min(kBlock, end - begin);
    const FloatView parameter(tensors.parameter, begin, size, parameter_scratch);
    const FloatView gradient(tensors.gradient, begin, size, gradient_scratch);
    const FloatView first(tensors.first, begin, size, first_scratch);
    const FloatView second(tensors.second, begin, size, second_scratch);
    kernel({parameter.data(), gradient.data(), first.data(), second.data(), size});
    parameter.store();
    first.store();
    second.store();
  }
}

void check(const at::Tensor& tensor, const at::Tensor& parameter) {
  const auto type = tensor.scalar_type();
  EASYLM_CHECK(type == at::kFloat || type == at::kBFloat16, "an update works on fp32 and bf16 only");
  EASYLM_CHECK(tensor.is_cpu() && tensor.is_contiguous(),
               "a fused update needs contiguous tensors on the CPU");
  EASYLM_CHECK(tensor.sizes() == parameter.sizes(), "an update's tensors differ in shape");
}

}  // namespace

std::vector<MomentSlot> make_moments(std::span<const Parameter> parameters, at::ScalarType first_type) {
  std::vector<MomentSlot> slots;
  for (const Parameter& parameter : parameters) {
    const auto options = parameter.value.options().requires_grad(false);
    slots.push_back({parameter, aten::zeros(parameter.value.sizes(), options.dtype(first_type)),
                     aten::zeros(parameter.value.sizes(), options.dtype(at::kFloat))});
  }
  return slots;
}

void visit_moments(std::span<MomentSlot> slots, StateVisitor& visitor) {
  for (MomentSlot& slot : slots) {
    visitor.tensor(slot.parameter.name, "exp_avg", slot.first);
    visitor.tensor(slot.parameter.name, "exp_avg_sq", slot.second);
  }
}

void update_by_blocks(const UpdateTensors& given, const std::function<void(const UpdateBlock&)>& kernel) {
  UpdateTensors tensors = given;
  const bool readable =
      given.gradient.scalar_type() == at::kFloat || given.gradient.scalar_type() == at::kBFloat16;
  tensors.gradient = (readable ? given.gradient : given.gradient.to(at::kFloat)).contiguous();
  for (const at::Tensor* tensor : {&tensors.parameter, &tensors.gradient, &tensors.first, &tensors.second}) {
    check(*tensor, tensors.parameter);
  }
  const std::int64_t size = tensors.parameter.numel();
  const std::int64_t num_blocks = (size + kBlock - 1) / kBlock;
  at::parallel_for(0, num_blocks, kBlocksPerTask, [&](std::int64_t begin, std::int64_t end) {
    update_range(tensors, begin * kBlock, std::min(size, end * kBlock), kernel);
  });
}

}  // namespace easylm
