// Numbers that an oracle wrote: JSON under tests/fixtures/vectors, or freshly made where EASYLM_VECTORS says.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "easylm/json.h"
#include "easylm/tensor/aten.h"
#include "support/paths.h"

namespace easylm::testing {

inline std::filesystem::path vector_file(const std::string& name) {
  const char* fresh = std::getenv("EASYLM_VECTORS");  // NOLINT(concurrency-mt-unsafe)
  const std::filesystem::path folder = fresh != nullptr ? fresh : source_folder() / "tests/fixtures/vectors";
  return folder / name;
}

inline Table read_vectors(const std::string& name) {
  std::stringstream text;
  text << std::ifstream(vector_file(name)).rdbuf();
  return parse_json_object(text.str(), name);
}

inline const Value& member(const Table& table, const std::string& key) {
  const Value* value = table.find(key);
  if (value == nullptr) throw Error(ErrorCode::corrupt, "the vectors lack '" + key + "'");
  return *value;
}
inline const Table& table_in(const Table& table, const std::string& key) {
  return *member(table, key).as<Table>();
}
inline const List& list_in(const Table& table, const std::string& key) {
  return *member(table, key).as<List>();
}

inline double number(const Value& value) {
  if (const auto* whole = value.as<std::int64_t>()) return static_cast<double>(*whole);
  return *value.as<double>();
}

inline std::vector<std::int64_t> whole_numbers(const List& list) {
  std::vector<std::int64_t> numbers;
  for (const Value& value : list) numbers.push_back(*value.as<std::int64_t>());
  return numbers;
}

inline at::Tensor tensor_of(const List& list, const std::vector<std::int64_t>& shape) {
  at::Tensor tensor = aten::empty(shape, at::kFloat);
  auto* data = tensor.data_ptr<float>();
  for (const Value& value : list) *data++ = static_cast<float>(number(value));
  return tensor;
}

}  // namespace easylm::testing
