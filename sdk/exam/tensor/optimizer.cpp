// The exam of easylm.optimizer/1.
#include "easylm/tensor/optimizer.h"

#include <array>

#include "easylm/tensor/aten.h"
#include "suites.h"

namespace easylm::exam {
namespace {

void use(const Subject& subject) {
  const auto optimizer = subject.make<Optimizer>();
  const std::array parameters{Parameter{"weight", aten::ones({4, 3}), {}, true}};
  optimizer->attach(parameters);
  const std::array gradients{aten::ones({4, 3})};
  optimizer->step({0, 1e-3, 1.0, gradients});
}

}  // namespace

Suite optimizer_suite() { return {Optimizer::kKind, Optimizer::kInterface, {}, use}; }

}  // namespace easylm::exam
