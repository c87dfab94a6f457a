// What the `gguf` package computed (tests/oracles/gguf_vectors.py), and GGUF files put together by hand.
#pragma once

#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/json.h"
#include "gguf/metadata_bytes.h"
#include "support/paths.h"

namespace easylm::gguf {

inline std::filesystem::path vector_path(const std::string& name) {
  return testing::source_folder() / "tests/fixtures/vectors" / name;
}

inline std::string read_text(const std::filesystem::path& path) {
  std::stringstream text;
  text << std::ifstream(path, std::ios::binary).rdbuf();
  return text.str();
}

inline std::vector<std::byte> from_hex(std::string_view hex) {
  std::vector<std::byte> bytes;
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    bytes.push_back(static_cast<std::byte>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

inline std::vector<float> floats_from_hex(std::string_view hex) {
  const std::vector<std::byte> bytes = from_hex(hex);
  std::vector<float> numbers(bytes.size() / sizeof(float));
  std::memcpy(numbers.data(), bytes.data(), bytes.size());
  return numbers;
}

inline const Table& table_in(const Table& table, const char* key) { return *table.find(key)->as<Table>(); }
inline const std::string& text_in(const Table& table, const char* key) {
  return *table.find(key)->as<std::string>();
}

// A file's head from its parts: what a hostile one says, said briefly.
struct HandMade {
  std::uint32_t version = 3;
  std::uint64_t num_tensors = 0, num_values = 0;
  std::string rest;  // metadata and tensors

  HandMade& value(std::string_view key, ValueType type, std::string_view bytes) {
    ++num_values;
    append_text(rest, key);
    append_number(rest, static_cast<std::uint32_t>(type));
    rest.append(bytes);
    return *this;
  }
  HandMade& text(std::string_view key, std::string_view content) {
    std::string bytes;
    append_text(bytes, content);
    return value(key, ValueType::text, bytes);
  }
  HandMade& u32(std::string_view key, std::uint32_t x) {
    std::string bytes;
    append_number(bytes, x);
    return value(key, ValueType::u32, bytes);
  }
  HandMade& f32(std::string_view key, float x) {
    std::string bytes;
    append_number(bytes, x);
    return value(key, ValueType::f32, bytes);
  }
  // `dimensions` in the file's order.
  HandMade& tensor(std::string_view name, const std::vector<std::uint64_t>& dimensions, std::uint32_t type,
                   std::uint64_t offset) {
    ++num_tensors;
    append_text(rest, name);
    append_number(rest, static_cast<std::uint32_t>(dimensions.size()));
    for (const std::uint64_t size : dimensions) append_number(rest, size);
    append_number(rest, type);
    append_number(rest, offset);
    return *this;
  }
  // The whole file, with `data_bytes` of data after the padding.
  std::string file(std::size_t data_bytes = 0) const {
    std::string bytes = "GGUF";
    append_number(bytes, version);
    append_number(bytes, num_tensors);
    append_number(bytes, num_values);
    bytes += rest;
    if (data_bytes > 0) bytes.append((32 - bytes.size() % 32) % 32 + data_bytes, '\0');
    return bytes;
  }
};

}  // namespace easylm::gguf
