// A difference as a table for people and as JSON.
#include <utility>

#include "checkpoint/difference.h"
#include "checkpoint/model_fit.h"
#include "easylm/json.h"
#include "easylm/schema.h"
#include "registry/table_text.h"

namespace easylm {
namespace {

using schema_detail::to_value;

std::string joined(const std::string& a, const std::string& b) { return a == b ? a : a + " → " + b; }

std::string numbers_of(const std::string& file, const std::string& hash) {
  return hash.empty() ? "no " + file : hash.substr(0, 12);
}

std::string tensors_text(const ModelDifference& difference) {
  std::vector<TableRow> rows = {
      {"TENSOR", "SHAPE", "TYPE", "DIFFERING", "OF", "MAX ABS", "MEAN ABS", "RELATIVE", "COSINE"}};
  for (const TensorDifference& tensor : difference.changed) {
    TableRow row = {tensor.name, joined(shape_text(tensor.a_shape), shape_text(tensor.b_shape)),
                    joined(tensor.a_type, tensor.b_type)};
    if (tensor.a_shape == tensor.b_shape) {
      row.insert(row.end(),
                 {count_text(tensor.differing), count_text(tensor.elements), number_text(tensor.max_abs),
                  number_text(tensor.mean_abs), number_text(tensor.relative), number_text(tensor.cosine)});
    }
    row.resize(rows.front().size());
    rows.push_back(std::move(row));
  }
  return table_text(rows, {false, false, false, true, true, true, true, true, true});
}

List list_of(const std::vector<TextDifference>& differences) {
  List list;
  for (const TextDifference& difference : differences) {
    Table row;
    row.set("name", {difference.name, {}});
    row.set("a", {difference.a, {}});
    row.set("b", {difference.b, {}});
    list.push_back({std::move(row), {}});
  }
  return list;
}

Table table_of(const TensorDifference& tensor) {
  Table row;
  row.set("name", {tensor.name, {}});
  row.set("a_type", {tensor.a_type, {}});
  row.set("b_type", {tensor.b_type, {}});
  row.set("a_shape", to_value(tensor.a_shape));
  row.set("b_shape", to_value(tensor.b_shape));
  if (tensor.a_shape != tensor.b_shape) return row;
  row.set("elements", {tensor.elements, {}});
  row.set("differing", {tensor.differing, {}});
  row.set("max_abs", {tensor.max_abs, {}});
  row.set("mean_abs", {tensor.mean_abs, {}});
  row.set("relative", {tensor.relative, {}});
  row.set("cosine", {tensor.cosine, {}});
  return row;
}

}  // namespace

std::string difference_text(const ModelDifference& difference) {
  std::string text = difference.changed.empty() ? "" : tensors_text(difference) + "\n";
  for (const std::string& name : difference.only_in_a) text += "only in A: " + name + "\n";
  for (const std::string& name : difference.only_in_b) text += "only in B: " + name + "\n";
  for (const TextDifference& key : difference.config) {
    text += "config " + key.name + ": " + (key.a.empty() ? "not set" : key.a) + " → " +
            (key.b.empty() ? "not set" : key.b) + "\n";
  }
  for (const TextDifference& file : difference.files) {
    text += "file " + file.name + ": " + numbers_of(file.name, file.a) + " → " +
            numbers_of(file.name, file.b) + "\n";
  }
  text += count_text(difference.same) + " tensors are the same, " +
          count_text(static_cast<std::int64_t>(difference.changed.size())) + " differ";
  return text + (difference.none() ? "; so are configuration and tokenizer\n" : "\n");
}

std::string difference_json(const ModelDifference& difference) {
  Table root;
  root.set("same", {difference.none(), {}});
  root.set("same_tensors", {difference.same, {}});
  List changed;
  for (const TensorDifference& tensor : difference.changed) changed.push_back({table_of(tensor), {}});
  root.set("changed", {std::move(changed), {}});
  root.set("only_in_a", to_value(difference.only_in_a));
  root.set("only_in_b", to_value(difference.only_in_b));
  root.set("config", {list_of(difference.config), {}});
  root.set("files", {list_of(difference.files), {}});
  return json_text(root);
}

}  // namespace easylm
