// What a conversion says of itself.
#include <utility>

#include "checkpoint/model_fit.h"
#include "easylm/conversion.h"
#include "easylm/json.h"
#include "easylm/schema.h"
#include "registry/report.h"
#include "registry/table_text.h"

namespace easylm {
namespace {

using schema_detail::to_value;

Table table_of(const ConvertedTensor& tensor) {
  Table row;
  row.set("name", {tensor.name, {}});
  row.set("shape", to_value(tensor.shape));
  row.set("from", {tensor.from, {}});
  row.set("to", {tensor.to, {}});
  row.set("became_infinite", {tensor.became_infinite, {}});
  return row;
}

}  // namespace

std::string conversion_text(const ConversionReport& report) {
  std::vector<TableRow> rows = {{"TENSOR", "SHAPE", "FROM", "TO", "NOTE"}};
  for (const ConvertedTensor& tensor : report.tensors) {
    const std::string note =
        tensor.became_infinite == 0
            ? ""
            : count_text(tensor.became_infinite) + " numbers were too large for " + tensor.to + ": infinity";
    rows.push_back({tensor.name, shape_text(tensor.shape), tensor.from, tensor.to, note});
  }
  for (const LeftOutTensor& tensor : report.left_out) {
    rows.push_back({tensor.name, "", "", "left out", tensor.why});
  }
  std::string text = table_text(rows, {false, false, false, false, false});
  text += "\n" + count_text(static_cast<std::int64_t>(report.tensors.size())) + " tensors, " +
          count_text(static_cast<std::int64_t>(report.left_out.size())) + " left out, ";
  text +=
      report.unchecked.empty() ? "none missing\n" : "not compared with a model: " + report.unchecked + "\n";
  for (const std::string& file : report.files) text += "with " + file + "\n";
  return text + report.from_format + " " + report.from.string() + "\n" + report.to_format + " " +
         report.to.string() + ", " + bytes_text(report.bytes) + "\n";
}

std::string conversion_json(const ConversionReport& report) {
  Table root;
  root.set("from", {report.from.string(), {}});
  root.set("from_format", {report.from_format, {}});
  root.set("to", {report.to.string(), {}});
  root.set("to_format", {report.to_format, {}});
  root.set("bytes", {report.bytes, {}});
  root.set("checked", {report.unchecked.empty(), {}});
  root.set("unchecked", {report.unchecked, {}});
  List tensors, left_out;
  for (const ConvertedTensor& tensor : report.tensors) tensors.push_back({table_of(tensor), {}});
  for (const LeftOutTensor& tensor : report.left_out) {
    Table row;
    row.set("name", {tensor.name, {}});
    row.set("why", {tensor.why, {}});
    left_out.push_back({std::move(row), {}});
  }
  root.set("files", to_value(report.files));
  root.set("tensors", {std::move(tensors), {}});
  root.set("left_out", {std::move(left_out), {}});
  return json_text(root);
}

}  // namespace easylm
