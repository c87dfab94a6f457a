// What models say of themselves, held against their parameters.
#include <ATen/core/grad_mode.h>

#include <array>
#include <cmath>
#include <set>

#include "easylm/tensor/aten.h"
#include "model.h"
#include "model_trial.h"

namespace easylm::exam {
namespace {

// Throws Finding unless both list the same names and shapes in the same order.
void expect_same_list(const std::vector<Parameter>& found, const std::vector<Parameter>& wanted,
                      const std::string& whose) {
  expect(found.size() == wanted.size(), whose + " lists " + std::to_string(found.size()) +
                                            " parameters, and not " + std::to_string(wanted.size()));
  for (std::size_t i = 0; i < wanted.size(); ++i) {
    expect(found[i].name == wanted[i].name,
           whose + " has '" + found[i].name + "' in the place of '" + wanted[i].name + "'");
    expect(found[i].value.sizes() == wanted[i].value.sizes(),
           whose + " has another shape for " + found[i].name);
  }
}

void expect_same_facts(const ModelFacts& found, const ModelFacts& wanted, const std::string& whose) {
  struct Fact {
    const char* name;
    std::int64_t ModelFacts::*number;
  };
  constexpr std::array<Fact, 9> kFacts{{{"hidden_size", &ModelFacts::hidden_size},
                                        {"num_layers", &ModelFacts::num_layers},
                                        {"num_heads", &ModelFacts::num_heads},
                                        {"num_key_value_heads", &ModelFacts::num_key_value_heads},
                                        {"head_dim", &ModelFacts::head_dim},
                                        {"intermediate_size", &ModelFacts::intermediate_size},
                                        {"vocabulary_size", &ModelFacts::vocabulary_size},
                                        {"max_positions", &ModelFacts::max_positions},
                                        {"num_parameters", &ModelFacts::num_parameters}}};
  for (const Fact& fact : kFacts) {
    expect(found.*fact.number == wanted.*fact.number,
           whose + " has " + fact.name + " " + std::to_string(found.*fact.number) + " instead of " +
               std::to_string(wanted.*fact.number));
  }
  expect(found.tied_head == wanted.tied_head, whose + " has another tied_head");
}

std::shared_ptr<Model> initial_model(const Subject& subject, Host& host) {
  auto model = host.make<Model>(subject.settings);
  model->materialise(at::kCPU, at::kFloat);
  model->initialise(host);
  return model;
}

Tensors values_of(Model& model) {
  Tensors values;
  for (const Parameter& parameter : parameters_of(model)) values.push_back(parameter.value);
  return values;
}

bool is_constant(const at::Tensor& x) { return x.eq(x.flatten()[0]).all().item<bool>(); }

// Two parameters that were drawn from one stream have the same first numbers; empty if there are none such.
std::string alike(const std::vector<Parameter>& parameters) {
  for (std::size_t i = 0; i < parameters.size(); ++i) {
    if (parameters[i].value.dim() < 2 || is_constant(parameters[i].value)) continue;
    for (std::size_t j = 0; j < i; ++j) {
      if (parameters[j].value.sizes() == parameters[i].value.sizes() &&
          same_bits(parameters[j].value, parameters[i].value)) {
        return parameters[j].name + " and " + parameters[i].name;
      }
    }
  }
  return {};
}

}  // namespace

void names_its_parameters(const Subject& subject) {
  const auto model = ready_model(subject), other = ready_model(subject);
  const std::vector<Parameter> parameters = parameters_of(*model);
  expect(!parameters.empty(), "it has no parameters");
  std::set<std::string> names;
  std::set<const void*> places;
  for (const Parameter& parameter : parameters) {
    expect(!parameter.name.empty(), "a parameter has no name");
    expect(names.insert(parameter.name).second, "two parameters are called " + parameter.name);
    expect(parameter.value.defined() && parameter.value.numel() > 0, parameter.name + " is empty");
    expect(places.insert(parameter.value.const_data_ptr()).second,
           parameter.name + " is listed a second time, under another name");
    expect(static_cast<std::int64_t>(parameter.rule.axes.size()) <= parameter.value.dim(),
           parameter.name + " has more axes in its rule than dimensions");
  }
  expect_same_list(parameters_of(*model), parameters, "the second call");
  expect_same_list(parameters_of(*other), parameters, "another model of the same settings");
  const std::vector<Parameter> again = parameters_of(*model);
  for (std::size_t i = 0; i < again.size(); ++i) {
    expect(again[i].value.is_same(parameters[i].value), again[i].name + " is another tensor the second time");
  }
}

void counts_its_parameters(const Subject& subject) {
  const auto model = ready_model(subject);
  std::int64_t count = 0;
  for (const Parameter& parameter : parameters_of(*model)) count += parameter.value.numel();
  expect(model->facts().num_parameters == count, "facts() say that it has " +
                                                     std::to_string(model->facts().num_parameters) +
                                                     " parameters, and it has " + std::to_string(count));
}

void tells_the_facts(const Subject& subject) {
  const auto model = subject.make<Model>();
  const ModelFacts before = model->facts();
  model->materialise(at::kCPU, at::kFloat);
  model->initialise(subject.host);
  const ModelFacts& facts = model->facts();
  expect_same_facts(facts, before, "the materialised model");
  for (const std::int64_t number :
       {facts.hidden_size, facts.num_layers, facts.num_heads, facts.num_key_value_heads, facts.head_dim,
        facts.intermediate_size, facts.vocabulary_size, facts.max_positions}) {
    expect(number > 0, "one of facts() is " + std::to_string(number));
  }
  expect(facts.num_heads % facts.num_key_value_heads == 0,
         "num_heads is not a multiple of num_key_value_heads");
  expect(model->head_weight().sizes() == at::IntArrayRef({facts.vocabulary_size, facts.hidden_size}),
         "head_weight() is not [vocabulary_size, hidden_size]");
  const at::Tensor last = aten::full({1, 1}, facts.vocabulary_size - 1, at::kLong);
  ForwardContext context(Phase::infer);
  const at::Tensor h_BTD = model->embed(last, context);
  expect(h_BTD.sizes() == at::IntArrayRef({1, 1, facts.hidden_size}),
         "embed() does not give hidden_size numbers a token");
  const at::Tensor longest = some_ids(subject, *model, 1, std::min<std::int64_t>(facts.max_positions, 1024));
  note("a row of " + std::to_string(longest.size(1)) + " tokens");
  expect(all_finite(hidden_of(*model, longest)), "a row as long as max_positions gives what is not finite");
}

void ties_its_head_as_it_says(const Subject& subject) {
  const at::NoGradGuard no_grad;
  const auto model = ready_model(subject);
  const at::Tensor head = model->head_weight();
  bool is_parameter = false;
  for (const Parameter& parameter : parameters_of(*model)) {
    is_parameter |= parameter.value.const_data_ptr() == head.const_data_ptr();
  }
  expect(is_parameter, "head_weight() is none of the parameters");
  ForwardContext context(Phase::infer);
  const at::Tensor ids_BT = some_ids(subject, *model, 1, 4);
  const at::Tensor before = model->embed(ids_BT, context).clone();
  head.mul_(2);
  const bool tied = !same_bits(model->embed(ids_BT, context), before);
  expect(tied == model->facts().tied_head,
         tied ? "tied_head is false, and the embedding changes with the head"
              : "tied_head is true, and the embedding does not change with the head");
}

void materialises_as_asked(const Subject& subject) {
  for (const at::ScalarType dtype : {at::kFloat, at::kBFloat16, at::kDouble}) {
    const std::string where = std::string("materialised in ") + c10::toString(dtype);
    const auto model = subject.make<Model>();
    expect(!model->materialised(), "materialised() is true before materialise()");
    try {
      model->materialise(at::kCPU, dtype);
    } catch (const Error& error) {
      if (dtype == at::kDouble && error.code() == ErrorCode::unsupported) continue;
      throw;
    }
    expect(model->materialised(), "materialised() is false after materialise()");
    for (const Parameter& parameter : parameters_of(*model)) {
      expect(parameter.value.scalar_type() == dtype,
             where + ", " + parameter.name + " is " + c10::toString(parameter.value.scalar_type()));
      expect(parameter.value.is_cpu(), where + ", " + parameter.name + " is not on the CPU");
    }
    expect(model->head_weight().scalar_type() == dtype, where + ", the head is of another dtype");
  }
}

void initialises_by_the_seed(const Subject& subject) {
  RunHost other_host(subject.services, subject.seed + 1, subject.host.paths());
  const auto first = initial_model(subject, subject.host), second = initial_model(subject, subject.host);
  const auto other = initial_model(subject, other_host);
  for (const Parameter& parameter : parameters_of(*first)) {
    expect(all_finite(parameter.value),
           "initialise() leaves numbers in " + parameter.name + " that are not finite");
  }
  expect(same_bits(values_of(*first), values_of(*second)), "the same seed gives other weights");
  expect(!same_bits(values_of(*first), values_of(*other)), "another seed gives the same weights");
  const std::string same = alike(parameters_of(*first));
  expect(same.empty(), same + " are given the same numbers: each is to have a stream of its own");
}

void follows_its_parameters(const Subject& subject) {
  const auto model = ready_model(subject);
  const at::Tensor ids_BT = some_ids(subject, *model, 1, usual_length(*model));
  const at::Tensor before = hidden_of(*model, ids_BT);
  {
    const at::NoGradGuard no_grad;
    for (const Parameter& parameter : parameters_of(*model)) {
      const at::Tensor kept = parameter.value.clone();
      parameter.value.add_(noise(subject, "shift", parameter.value.sizes()));
      const bool is_head = parameter.value.const_data_ptr() == model->head_weight().const_data_ptr();
      expect(is_head || !same_bits(hidden_of(*model, ids_BT), before),
             "what is written into " + parameter.name + " does not change the model");
      parameter.value.copy_(kept);
    }
  }
  expect(same_bits(hidden_of(*model, ids_BT), before),
         "with every parameter as it was, it gives something else");
  // How an earlier stage's model comes to a stage of another precision.
  for (const Parameter& parameter : parameters_of(*model)) {
    parameter.value.set_data(parameter.value.detach().to(at::kBFloat16));
  }
  const at::Tensor h_BTD = hidden_of(*model, ids_BT);
  expect(h_BTD.scalar_type() == at::kBFloat16 && model->head_weight().scalar_type() == at::kBFloat16,
         "parameters that were given bf16 data by set_data() are not those that it computes with");
}

void counts_its_work(const Subject& subject) {
  const auto model = subject.make<Model>();
  double before = 0;
  for (const std::int64_t length : {1, 16, 256, 4096}) {
    const double flops = model->flops_per_token(length);
    expect(std::isfinite(flops) && flops > 0 && flops >= before, "flops_per_token(" + std::to_string(length) +
                                                                     ") is " + text_of(flops) + ", after " +
                                                                     text_of(before) + " for a shorter one");
    before = flops;
  }
}

void rebuilds_from_its_config(const Subject& subject) {
  const at::NoGradGuard no_grad;
  const auto model = ready_model(subject);
  const Table config = model->hf_config();
  expect(!config.type.empty(), "hf_config() has no type, which is to be Hugging Face's model_type");
  // As a model is loaded: a config.json may say more than the component knows, and [model] names the type.
  const std::vector<std::string> keys = subject.host.keys(Model::kKind, subject.described.name);
  Table table;
  table.type = subject.described.name;
  for (const Setting& setting : config.settings) {
    if (std::find(keys.begin(), keys.end(), setting.key) != keys.end()) table.set(setting.key, setting.value);
  }
  const auto rebuilt = subject.host.make<Model>(table);
  expect_same_facts(rebuilt->facts(), model->facts(), "the model made from hf_config()");
  rebuilt->materialise(at::kCPU, at::kFloat);
  const std::vector<Parameter> source = parameters_of(*model), target = parameters_of(*rebuilt);
  expect_same_list(target, source, "the model made from hf_config()");
  for (std::size_t i = 0; i < source.size(); ++i) target[i].value.copy_(source[i].value);
  const at::Tensor ids_BT = some_ids(subject, *model, 2, usual_length(*model));
  expect_near(hidden_of(*rebuilt, ids_BT), hidden_of(*model, ids_BT), kSamePass,
              "the model made from hf_config() computes something else with the same weights");
}

}  // namespace easylm::exam
