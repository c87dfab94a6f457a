// Joins two sorted lists of tensors by name.
#include "checkpoint/model_fit.h"

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "easylm/error.h"
#include "easylm/extra_tensors.h"

namespace easylm {
namespace {

void judge(const TensorReader& reader, std::size_t index, const TensorInfo* wanted, ModelFit& fit) {
  const TensorInfo& tensor = reader.tensors()[index];
  if (wanted != nullptr) {
    fit.taken.push_back(index);
    if (tensor.shape != wanted->shape) {
      fit.complaints.push_back(tensor.name + " is " + shape_text(tensor.shape) + ", expected " +
                               shape_text(wanted->shape));
    }
    return;
  }
  std::string why = why_not_needed(reader, index);
  if (why.empty()) {
    fit.complaints.push_back(tensor.name + " is in the file but not in the model");
  } else {
    fit.left_out.push_back({tensor.name, std::move(why)});
  }
}

ModelFit unchecked_fit(const TensorReader& reader, std::string why) {
  ModelFit fit;
  fit.unchecked = std::move(why);
  for (std::size_t i = 0; i < reader.tensors().size(); ++i) fit.taken.push_back(i);
  return fit;
}

}  // namespace

std::string shape_text(const std::vector<std::int64_t>& shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i == 0 ? "" : ", ") + std::to_string(shape[i]);
  return text + "]";
}

ModelFit fit_to_model(const Host& host, const TensorReader& reader, const std::optional<Table>& config) {
  if (!config) return unchecked_fit(reader, "there is no configuration beside the tensors");
  const auto expected = host.model_tensors(*config);
  if (!expected) {
    return unchecked_fit(reader, "no installed model says which tensors a '" + config->type + "' has");
  }
  std::map<std::string_view, const TensorInfo*> missing;
  for (const TensorInfo& tensor : *expected) missing[tensor.name] = &tensor;
  ModelFit fit;
  for (std::size_t i = 0; i < reader.tensors().size(); ++i) {
    const auto found = missing.find(reader.tensors()[i].name);
    judge(reader, i, found == missing.end() ? nullptr : found->second, fit);
    if (found != missing.end()) missing.erase(found);
  }
  for (const auto& entry : missing) fit.complaints.push_back(std::string(entry.first) + " is missing");
  return fit;
}

std::string first_of(const std::vector<std::string>& complaints) {
  constexpr std::size_t kShown = 20;
  std::string text;
  for (std::size_t i = 0; i < std::min(kShown, complaints.size()); ++i) {
    if (i > 0) text += "; ";
    text += complaints[i];
  }
  if (complaints.size() > kShown) text += "; and " + std::to_string(complaints.size() - kShown) + " more";
  return text;
}

void require_fit(const ModelFit& fit, const std::string& where) {
  if (fit.complaints.empty()) return;
  throw Error(ErrorCode::corrupt, where + " does not fit its configuration: " + first_of(fit.complaints),
              "check that config and weights belong to the same model");
}

}  // namespace easylm
