// The head of a .gguf file: metadata, and where each tensor lies.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "blocks.h"
#include "metadata.h"

namespace easylm::gguf {

inline constexpr std::string_view kMagic = "GGUF";
inline constexpr std::uint32_t kVersion = 3;  // 2 differs in nothing that we read
inline constexpr std::int64_t kAlignment = 32;
inline constexpr std::string_view kAlignmentKey = "general.alignment";

struct Entry {
  std::string name;
  const BlockType* type = nullptr;
  std::vector<std::int64_t> shape;    // row-major: the file has the dimensions the other way round
  std::int64_t begin = 0, bytes = 0;  // in the file
};

struct Header {
  Metadata metadata;
  std::vector<Entry> entries;  // in the order of their data
};

// Bytes up to the next multiple of `alignment`.
constexpr std::int64_t padded(std::int64_t bytes, std::int64_t alignment) {
  return (bytes + alignment - 1) / alignment * alignment;
}

// Reads the head of a whole file and checks every number in it against the file's size. `where` names the
// file in messages. Throws Error{corrupt}, or Error{unsupported} for a version, byte order or type of numbers
// that we don't read. The metadata refers to `file`.
Header parse_header(std::span<const std::byte> file, std::string_view where);

}  // namespace easylm::gguf
