// Reads the fp32 tensors of a safetensors file that an oracle wrote. For trusted fixtures only.
#pragma once

#include <ATen/core/Tensor.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "easylm/error.h"
#include "easylm/json.h"
#include "easylm/tensor/aten.h"

namespace easylm::testing {

struct TensorFile {
  std::map<std::string, at::Tensor> tensors;
  Table metadata;
};

inline TensorFile read_tensor_file(const std::filesystem::path& path) {
  std::stringstream stream;
  stream << std::ifstream(path, std::ios::binary).rdbuf();
  const std::string bytes = stream.str();
  if (bytes.size() < 8) throw Error(ErrorCode::not_found, "no vectors in " + path.string());
  std::uint64_t header_size = 0;
  std::memcpy(&header_size, bytes.data(), sizeof header_size);
  const Table header = parse_json_object(bytes.substr(8, header_size), path.string());
  TensorFile file;
  for (const Setting& entry : header.settings) {
    const Table& fields = *entry.value.as<Table>();
    if (entry.key == "__metadata__") {
      file.metadata = fields;
      continue;
    }
    std::vector<std::int64_t> shape;
    for (const Value& size : *fields.find("shape")->as<List>()) shape.push_back(*size.as<std::int64_t>());
    const auto begin = *(*fields.find("data_offsets")->as<List>())[0].as<std::int64_t>();
    at::Tensor tensor = aten::empty(shape, at::kFloat);
    std::memcpy(tensor.mutable_data_ptr(), bytes.data() + 8 + header_size + begin, tensor.nbytes());
    file.tensors[entry.key] = tensor;
  }
  return file;
}

}  // namespace easylm::testing
