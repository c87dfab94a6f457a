// inspect: tensors and configuration of a model, without reading weights.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "checkpoint/model_fit.h"
#include "config/show.h"
#include "easylm/checkpoint_format.h"
#include "easylm/json.h"
#include "easylm/schema.h"
#include "observe/format.h"
#include "pipeline/model_reference.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

// A model's files, opened with the installed format that knows them best.
struct Opened {
  std::string format;
  std::unique_ptr<TensorReader> reader;
};

Opened open_model(Host& host, const std::filesystem::path& path) {
  const FoundFormat found = find_format(host, path);
  return {found.name, found.format->open(path)};
}

std::string type_of(const TensorInfo& tensor) {
  return tensor.stored_type.empty() ? std::string(name_of(tensor.dtype)) : tensor.stored_type;
}

std::int64_t bytes_of(const TensorInfo& tensor) {
  return tensor.stored_type.empty() ? tensor.num_bytes() : tensor.stored_bytes;
}

std::string sizes_text(const TensorInfo& tensor) {
  std::string text;
  for (const std::int64_t n : tensor.shape) text += (text.empty() ? "" : " × ") + std::to_string(n);
  return text.empty() ? "scalar" : text;
}

std::int64_t elements(const TensorInfo& tensor) { return tensor.num_bytes() / size_of(tensor.dtype); }

struct Total {
  std::int64_t tensors = 0, numbers = 0, bytes = 0;

  void add(const TensorInfo& tensor) {
    ++tensors;
    numbers += elements(tensor);
    bytes += bytes_of(tensor);
  }
};

std::map<std::string, Total> totals_by_type(const TensorReader& reader) {
  std::map<std::string, Total> totals;
  for (const TensorInfo& tensor : reader.tensors()) totals[type_of(tensor)].add(tensor);
  return totals;
}

// How the tensors stand to the model of their configuration, a line each.
std::vector<std::string> fit_lines(const Host& host, const TensorReader& reader) {
  const ModelFit fit = fit_to_model(host, reader, reader.model_config());
  if (!fit.unchecked.empty()) return {"not compared with a model: " + fit.unchecked};
  std::vector<std::string> lines = fit.complaints;
  for (const LeftOutTensor& tensor : fit.left_out)
    lines.push_back(tensor.name + ": not needed, " + tensor.why);
  if (fit.complaints.empty()) lines.insert(lines.begin(), "every tensor of the model is there");
  return lines;
}

void print_json(const Host& host, const Opened& opened, const ModelLocation& model) {
  Table root;
  root.set("path", {model.path.string(), {}});
  root.set("uri", {model.uri, {}});
  root.set("format", {opened.format, {}});
  if (auto config = opened.reader->model_config()) {
    config->set("model_type", {config->type, {}});
    config->type.clear();
    root.set("config", {*config, {}});
  }
  Table metadata;
  for (const auto& [key, text] : opened.reader->metadata()) metadata.settings.push_back({key, {text, {}}});
  root.set("metadata", {std::move(metadata), {}});
  List tensors;
  for (const TensorInfo& tensor : opened.reader->tensors()) {
    Table row;
    row.set("name", {tensor.name, {}});
    row.set("dtype", {type_of(tensor), {}});
    List shape;
    for (const std::int64_t n : tensor.shape) shape.push_back({n, {}});
    row.set("shape", {std::move(shape), {}});
    row.set("bytes", {bytes_of(tensor), {}});
    tensors.push_back({std::move(row), {}});
  }
  root.set("tensors", {std::move(tensors), {}});
  List totals;
  for (const auto& [type, total] : totals_by_type(*opened.reader)) {
    Table row;
    row.set("dtype", {type, {}});
    row.set("tensors", {total.tensors, {}});
    row.set("numbers", {total.numbers, {}});
    row.set("bytes", {total.bytes, {}});
    totals.push_back({std::move(row), {}});
  }
  root.set("totals", {std::move(totals), {}});
  root.set("model", schema_detail::to_value(fit_lines(host, *opened.reader)));
  std::cout << json_text(root);
}

void print_total(const std::string& what, const Total& total) {
  std::cout << what << total.tensors << " tensors, " << format_count(static_cast<double>(total.numbers))
            << " numbers, " << format_bytes(static_cast<double>(total.bytes)) << "\n";
}

void print_table(const Host& host, const Opened& opened, const ModelLocation& model) {
  std::cout << model.path.string() << "\nformat: " << opened.format << "\n";
  for (const auto& [key, text] : opened.reader->metadata()) std::cout << key << ": " << text << "\n";
  if (const auto config = opened.reader->model_config()) {
    std::cout << "\nmodel_type = " << config->type << "\n"
              << show_toml({.type = {}, .settings = config->settings, .origin = {}});
  }
  std::size_t width = 0;
  for (const TensorInfo& tensor : opened.reader->tensors()) width = std::max(width, tensor.name.size());
  std::cout << "\n";
  for (const TensorInfo& tensor : opened.reader->tensors()) {
    std::cout << std::left << std::setw(static_cast<int>(width) + 2) << tensor.name << std::setw(6)
              << type_of(tensor) << sizes_text(tensor) << "\n";
  }
  std::cout << "\n";
  Total all;
  for (const TensorInfo& tensor : opened.reader->tensors()) all.add(tensor);
  const auto totals = totals_by_type(*opened.reader);
  if (totals.size() > 1) {
    for (const auto& [type, total] : totals) print_total(type + ": ", total);
  }
  print_total("", all);
  for (const std::string& line : fit_lines(host, *opened.reader)) std::cout << line << "\n";
}

}  // namespace

int inspect_model(const Invocation& invocation) {
  Session session(invocation.home);
  const ModelLocation model = locate_model(invocation.words.front(), session.home());
  RunHost host = session.make_host();
  const Opened opened = open_model(host, model.path);
  if (invocation.has("json")) {
    print_json(host, opened, model);
  } else {
    print_table(host, opened, model);
  }
  return 0;
}

}  // namespace easylm::app
