// The header of a .safetensors file: eight bytes of length, then JSON that says where each tensor lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "easylm/checkpoint_format.h"

namespace easylm::safetensors {

inline constexpr std::size_t kMostHeaderBytes = 100'000'000;  // as in the reference implementation
inline constexpr std::size_t kLengthBytes = 8;

struct Entry {
  TensorInfo info;
  std::int64_t begin = 0, end = 0;  // from the start of the data
};

struct Header {
  std::vector<Entry> entries;  // in the order of their data, which they fill without hole or overlap
  std::vector<std::pair<std::string, std::string>> metadata;
  std::int64_t data_begin = 0;  // in the file
};

// Reads the header of a whole file and checks every number in it against the file's size. `where` names the
// file in messages. Throws Error{corrupt}, or Error{unsupported} for an element type that we don't have.
Header parse_header(std::span<const std::byte> file, std::string_view where);

// The length and the JSON, padded so that the data begins at a multiple of eight. REQUIRES: entries as in
// Header.
std::string header_bytes(std::span<const Entry> entries,
                         std::span<const std::pair<std::string, std::string>> metadata = {});

}  // namespace easylm::safetensors
