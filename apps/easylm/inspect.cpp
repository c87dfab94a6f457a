// inspect: tensors and configuration of a model, without reading weights.
#include <algorithm>
#include <iomanip>
#include <iostream>
#include <memory>
#include <string>

#include "config/show.h"
#include "easylm/checkpoint_format.h"
#include "easylm/json.h"
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
  int best = 0;
  std::string name;
  std::shared_ptr<CheckpointFormat> chosen;
  for (const std::string& candidate : host.available(CheckpointFormat::kKind)) {
    auto format = host.make<CheckpointFormat>(Table{.type = candidate, .settings = {}, .origin = {}});
    const int score = format->probe(path);
    if (score <= best) continue;
    best = score;
    name = candidate;
    chosen = std::move(format);
  }
  if (!chosen) {
    throw Error(ErrorCode::unsupported, "no installed checkpoint format can read " + path.string(),
                "easylm plugins list shows the formats");
  }
  return {name, chosen->open(path)};
}

std::string shape_text(const TensorInfo& tensor) {
  std::string text;
  for (const std::int64_t n : tensor.shape) text += (text.empty() ? "" : " × ") + std::to_string(n);
  return text.empty() ? "scalar" : text;
}

std::int64_t elements(const TensorInfo& tensor) { return tensor.num_bytes() / size_of(tensor.dtype); }

void print_json(const Opened& opened, const ModelLocation& model) {
  Table root;
  root.set("path", {model.path.string(), {}});
  root.set("uri", {model.uri, {}});
  root.set("format", {opened.format, {}});
  if (auto config = opened.reader->model_config()) {
    config->set("model_type", {config->type, {}});
    config->type.clear();
    root.set("config", {*config, {}});
  }
  List tensors;
  for (const TensorInfo& tensor : opened.reader->tensors()) {
    Table row;
    row.set("name", {tensor.name, {}});
    row.set("dtype", {std::string(name_of(tensor.dtype)), {}});
    List shape;
    for (const std::int64_t n : tensor.shape) shape.push_back({n, {}});
    row.set("shape", {std::move(shape), {}});
    row.set("bytes", {tensor.num_bytes(), {}});
    tensors.push_back({std::move(row), {}});
  }
  root.set("tensors", {std::move(tensors), {}});
  std::cout << json_text(root);
}

void print_table(const Opened& opened, const ModelLocation& model) {
  std::cout << model.path.string() << "\nformat: " << opened.format << "\n";
  if (const auto config = opened.reader->model_config()) {
    std::cout << "\nmodel_type = " << config->type << "\n"
              << show_toml({.type = {}, .settings = config->settings, .origin = {}});
  }
  std::size_t width = 0;
  std::int64_t bytes = 0;
  std::int64_t count = 0;
  for (const TensorInfo& tensor : opened.reader->tensors()) width = std::max(width, tensor.name.size());
  std::cout << "\n";
  for (const TensorInfo& tensor : opened.reader->tensors()) {
    std::cout << std::left << std::setw(static_cast<int>(width) + 2) << tensor.name << std::setw(5)
              << name_of(tensor.dtype) << shape_text(tensor) << "\n";
    bytes += tensor.num_bytes();
    count += elements(tensor);
  }
  std::cout << "\n"
            << opened.reader->tensors().size() << " tensors, " << format_count(static_cast<double>(count))
            << " numbers, " << format_bytes(static_cast<double>(bytes)) << "\n";
}

}  // namespace

int inspect_model(const Invocation& invocation) {
  Session session(invocation.home);
  const ModelLocation model = locate_model(invocation.words.front(), session.home());
  RunHost host = session.make_host();
  const Opened opened = open_model(host, model.path);
  if (invocation.has("json")) {
    print_json(opened, model);
  } else {
    print_table(opened, model);
  }
  return 0;
}

}  // namespace easylm::app
