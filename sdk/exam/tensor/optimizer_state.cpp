// What optimizers remember from one update to the next, and how it can be taken apart.
#include <algorithm>
#include <cmath>
#include <set>
#include <utility>

#include "easylm/tensor/aten.h"
#include "optimizer.h"
#include "optimizer_trial.h"

namespace easylm::exam {
namespace {

// Plain numbers that follow the formula beside the optimizer.
class Follower {
 public:
  Follower(const OptimizerFormula& formula, const OptimizerTrial& trial) : formula_(formula), trial_(trial) {
    const std::vector<StateTensor> state = state_of(*trial.optimizer);
    for (const Parameter& parameter : trial.parameters) {
      Element element;
      for (const StateTensor& tensor : state) {
        if (tensor.parameter != parameter.name) continue;
        expect(tensor.value.sizes() == parameter.value.sizes(),
               tensor.label() + " is not of the parameter's shape, so it can't be the formula's");
        element.roles.push_back(wide(tensor.value));
        coarse_ |= tensor.value.scalar_type() != at::kFloat && tensor.value.scalar_type() != at::kDouble;
      }
      element.value = wide(parameter.value);
      element.moved.assign(element.value.size(), 0);
      elements_.push_back(std::move(element));
    }
  }

  void step(std::int64_t step, const Tensors& gradients) {
    for (std::size_t p = 0; p < elements_.size(); ++p) {
      Element& element = elements_[p];
      const std::vector<double> gradient = wide(gradients[p]);
      std::vector<double> state(element.roles.size());
      for (std::size_t i = 0; i < element.value.size(); ++i) {
        for (std::size_t r = 0; r < state.size(); ++r) state[r] = element.roles[r][i];
        const double before = element.value[i];
        element.value[i] =
            formula_.update(before, {gradient[i], kRate, step, trial_.parameters[p].decay}, state);
        element.moved[i] += std::abs(element.value[i] - before);
        for (std::size_t r = 0; r < state.size(); ++r) element.roles[r][i] = state[r];
      }
    }
  }

  // A parameter may be off by what fp32 rounds it to, 1e-6 of itself, and by 1e-5 of how far it was moved; by
  // 2^-6 of that if state is kept in 16 bits. State may be off by as much of its greatest number.
  void compare(std::int64_t step) const {
    const double tolerance = coarse_ ? 0x1p-6 : 1e-5;
    const std::string after = " after update " + std::to_string(step);
    const std::vector<StateTensor> state = state_of(*trial_.optimizer);
    for (std::size_t p = 0; p < elements_.size(); ++p) {
      const Parameter& parameter = trial_.parameters[p];
      const std::vector<double> found = wide(parameter.value);
      for (std::size_t i = 0; i < found.size(); ++i) {
        const double wanted = elements_[p].value[i];
        expect(
            std::abs(found[i] - wanted) <= 1e-6 * std::abs(wanted) + tolerance * elements_[p].moved[i] + 1e-9,
            "element " + std::to_string(i) + " of " + parameter.name + " is " + std::to_string(found[i]) +
                after + "; by the formula it is " + std::to_string(wanted));
      }
      std::size_t role = 0;
      for (const StateTensor& tensor : state) {
        if (tensor.parameter == parameter.name) compare(tensor, elements_[p].roles[role++], tolerance, after);
      }
    }
  }

 private:
  struct Element {
    std::vector<double> value, moved;
    std::vector<std::vector<double>> roles;
  };

  static std::vector<double> wide(const at::Tensor& x) {
    const at::Tensor flat = x.detach().to(at::kDouble).contiguous().view({-1});
    const double* data = flat.const_data_ptr<double>();
    return {data, data + flat.numel()};
  }

  static void compare(const StateTensor& tensor, const std::vector<double>& wanted, double tolerance,
                      const std::string& after) {
    const std::vector<double> found = wide(tensor.value);
    double greatest = 0;
    for (const double x : wanted) greatest = std::max(greatest, std::abs(x));
    for (std::size_t i = 0; i < found.size(); ++i) {
      expect(std::abs(found[i] - wanted[i]) <= tolerance * greatest,
             "element " + std::to_string(i) + " of " + tensor.label() + " is " + text_of(found[i]) + after +
                 "; by the formula it is " + text_of(wanted[i]));
    }
  }

  const OptimizerFormula& formula_;
  const OptimizerTrial& trial_;
  std::vector<Element> elements_;
  bool coarse_ = false;
};

void copy_state(Optimizer& from, Optimizer& to) {
  const std::vector<StateTensor> source = state_of(from), target = state_of(to);
  expect(source.size() == target.size(), "two optimizers of the same parameters have " +
                                             std::to_string(source.size()) + " and " +
                                             std::to_string(target.size()) + " state tensors");
  for (std::size_t i = 0; i < source.size(); ++i) {
    expect(source[i].value.sizes() == target[i].value.sizes() &&
               source[i].value.scalar_type() == target[i].value.scalar_type(),
           source[i].label() + " has another shape or dtype in a new optimizer");
    target[i].value.copy_(source[i].value);
  }
}

// Each parameter cut into two, as flat pieces of its elements; a single element stays whole.
std::pair<std::vector<Parameter>, std::vector<Parameter>> cut_elements(const std::vector<Parameter>& whole) {
  std::pair<std::vector<Parameter>, std::vector<Parameter>> halves;
  for (const Parameter& parameter : whole) {
    const at::Tensor flat = parameter.value.view({-1});
    const std::int64_t half = (flat.numel() + 1) / 2, rest = flat.numel() - half;
    halves.first.push_back({parameter.name, flat.narrow(0, 0, half), {{""}}, parameter.decay});
    if (rest > 0) {
      halves.second.push_back({parameter.name, flat.narrow(0, half, rest), {{""}}, parameter.decay});
    }
  }
  return halves;
}

std::pair<std::vector<Parameter>, std::vector<Parameter>> divide(const std::vector<Parameter>& whole) {
  std::pair<std::vector<Parameter>, std::vector<Parameter>> halves;
  for (std::size_t i = 0; i < whole.size(); ++i) {
    (i % 2 == 0 ? halves.first : halves.second).push_back(whole[i]);
  }
  return halves;
}

}  // namespace

void follows_its_formula(const Subject& subject) {
  OptimizerTrial trial(subject);
  const auto* formula = extension_of<OptimizerFormula>(*trial.optimizer);
  if (formula == nullptr) throw NotApplicable("it states no formula");
  Follower follower(*formula, trial);
  for (std::int64_t step = 0; step < 5; ++step) {
    trial.step(subject, step);
    follower.step(step, some_gradients(subject, trial.parameters, step));
    follower.compare(step);
  }
}

void state_is_all(const Subject& subject) {
  OptimizerTrial first(subject);
  for (std::int64_t step = 0; step < 4; ++step) first.step(subject, step);
  OptimizerTrial second(subject, copies_of(first.parameters));
  copy_state(*first.optimizer, *second.optimizer);
  for (std::int64_t step = 4; step < 8; ++step) {
    first.step(subject, step);
    second.step(subject, step);
    expect(same_bits(values_of(first.parameters), values_of(second.parameters)),
           "a new optimizer that was given the state after update 3 changes parameters in another way at "
           "update " +
               std::to_string(step) + ": something that it remembers is not in its state");
    expect(same_bits(first.all(), second.all()),
           "a new optimizer that was given the state after update 3 has another state after update " +
               std::to_string(step));
  }
}

void state_is_stable(const Subject& subject) {
  OptimizerTrial trial(subject);
  const OptimizerTrial other(subject);
  const std::vector<StateTensor> first = state_of(*trial.optimizer);
  trial.step(subject, 0);
  std::set<std::string> parameters;
  for (const Parameter& parameter : trial.parameters) parameters.insert(parameter.name);
  std::set<std::pair<std::string, std::string>> names;
  for (const StateTensor& tensor : first) {
    expect(!tensor.role.empty(), "a state tensor of " + tensor.parameter + " has no role");
    expect(parameters.contains(tensor.parameter), tensor.label() + " is that of no parameter");
    expect(names.insert({tensor.parameter, tensor.role}).second, tensor.label() + " is shown twice");
    expect(tensor.value.defined(), tensor.label() + " is undefined");
  }
  for (const auto& again : {state_of(*trial.optimizer), state_of(*other.optimizer)}) {
    expect(again.size() == first.size(), "state() shows another number of tensors the second time");
    for (std::size_t i = 0; i < first.size(); ++i) {
      expect(again[i].parameter == first[i].parameter && again[i].role == first[i].role,
             "state() shows " + again[i].label() + " where it showed " + first[i].label());
    }
  }
  for (const StateTensor& tensor : state_of(*trial.optimizer)) tensor.value.fill_(1);
  for (const StateTensor& tensor : state_of(*trial.optimizer)) {
    expect(tensor.value.eq(1).all().item<bool>(), "what is written into " + tensor.label() + " is lost");
  }
}

void takes_any_step_number(const Subject& subject) {
  OptimizerTrial trial(subject);
  for (const std::int64_t step :
       {std::int64_t{0}, std::int64_t{1}, std::int64_t{7}, std::int64_t{1000}, std::int64_t{1} << 40}) {
    trial.step(subject, step);
    expect(all_finite(values_of(trial.parameters)),
           "a parameter is not finite after update number " + std::to_string(step));
  }
}

void works_in_shards(const Subject& subject) {
  OptimizerTrial whole(subject);
  const bool by_element = whole.optimizer->needs() == ReductionNeeds::none;
  const std::vector<Parameter> copies = copies_of(whole.parameters);
  const auto halves = by_element ? cut_elements(copies) : divide(copies);
  OptimizerTrial first(subject, halves.first), second(subject, halves.second);
  for (std::int64_t step = 0; step < 3; ++step) {
    whole.step(subject, step);
    std::vector<Parameter> like = copies;
    const Tensors gradients = some_gradients(subject, copies, step);
    for (std::size_t i = 0; i < like.size(); ++i) like[i].value = gradients[i];
    const auto cut = by_element ? cut_elements(like) : divide(like);
    const Tensors first_gradients = values_of(cut.first), second_gradients = values_of(cut.second);
    first.step({step, kRate, 1, first_gradients});
    second.step({step, kRate, 1, second_gradients});
    expect_same_update(values_of(copies), values_of(whole.parameters),
                       by_element ? "needs() is none, and in two shards by elements it updates in another way"
                                  : "divided parameter by parameter it updates in another way");
  }
}

}  // namespace easylm::exam
