// The one place that knows LibTorch's custom functions and the nodes of its graph.
#include "easylm/tensor/autograd_function.h"

#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/accumulate_grad.h>

#include <unordered_set>
#include <utility>

namespace easylm {
namespace {

using torch::autograd::AutogradContext;
using torch::autograd::Node;

// A function travels beside the tensors of its node.
struct Holder : torch::CustomClassHolder {
  explicit Holder(std::shared_ptr<AutogradFunction> its_function) : function(std::move(its_function)) {}
  std::shared_ptr<AutogradFunction> function;
};

class Adapter : public torch::autograd::Function<Adapter> {
 public:
  static at::Tensor forward(AutogradContext* context, at::TensorList inputs,
                            const c10::intrusive_ptr<Holder>& holder) {
    Tensors saved;
    at::Tensor output = holder->function->forward(inputs.vec(), saved);
    context->save_for_backward(std::move(saved));
    context->saved_data["function"] = c10::IValue::make_capsule(holder);
    context->saved_data["inputs"] = static_cast<std::int64_t>(inputs.size());
    return output;
  }

  static Tensors backward(AutogradContext* context, const Tensors& gradients) {
    const auto capsule = context->saved_data["function"].toCapsule();
    std::vector<bool> wanted(static_cast<std::size_t>(context->saved_data["inputs"].toInt()));
    for (std::size_t i = 0; i < wanted.size(); ++i) wanted[i] = context->needs_input_grad(i);
    Tensors found = static_cast<Holder&>(*capsule).function->backward(context->get_saved_variables(),
                                                                      gradients[0], wanted);
    found.emplace_back();  // the holder has no gradient
    return found;
  }
};

}  // namespace

AutogradFunction::AutogradFunction() = default;
AutogradFunction::~AutogradFunction() = default;

at::Tensor apply_function(std::shared_ptr<AutogradFunction> function, const Tensors& inputs) {
  return Adapter::apply(at::TensorList(inputs), c10::make_intrusive<Holder>(std::move(function)));
}

Tensors leaves_behind(const at::Tensor& y) {
  Tensors found;
  std::unordered_set<const Node*> seen;
  std::vector<const Node*> stack;
  stack.push_back(y.grad_fn().get());
  while (!stack.empty()) {
    const Node* node = stack.back();
    stack.pop_back();
    if (node == nullptr || !seen.insert(node).second) continue;
    if (const auto* leaf = dynamic_cast<const torch::autograd::AccumulateGrad*>(node)) {
      found.push_back(leaf->variable);
    }
    // NOLINTNEXTLINE(clang-analyzer-core.CallAndMessage): it takes a cast that fails for a null pointer
    for (const torch::autograd::Edge& edge : node->next_edges()) stack.push_back(edge.function.get());
  }
  return found;
}

}  // namespace easylm
