// How GGUF stores the numbers of a tensor: plain, or in blocks that share a scale.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "easylm/checkpoint_format.h"

namespace easylm::gguf {

using Dequantise = void (*)(const std::byte* block, float* numbers);
using Quantise = bool (*)(const float* numbers, std::byte* block);

struct BlockType {
  std::uint32_t id = 0;  // in files
  std::string_view name;
  std::int64_t numbers = 1;         // in a block
  std::int64_t bytes = 0;           // of a block
  std::optional<DType> dtype = {};  // whose elements the blocks are; none: quantised
  Dequantise dequantise = nullptr;  // quantised types only
  Quantise quantise = nullptr;      // those that we write; false: the block can't hold these numbers
  std::uint32_t file_type = 0;      // what a file that is mostly of this type calls itself
};

// The largest block there is.
inline constexpr std::size_t kMostBlockNumbers = 256;

// Null if we can't read that type.
const BlockType* find_type(std::uint32_t id);
const BlockType* find_type(std::string_view name);
const BlockType* find_type(DType dtype);

// What others call a type, also one that we can't read: "IQ2_XS", or "of number 99".
std::string type_name(std::uint32_t id);

// The numbers of whole blocks of a quantised type. REQUIRES: sizes that match.
void dequantise(const BlockType& type, std::span<const std::byte> blocks, std::span<float> numbers);

// The other way. False if a number is NaN or infinite, or a block's scale is too large for fp16.
bool quantise(const BlockType& type, std::span<const float> numbers, std::span<std::byte> blocks);

}  // namespace easylm::gguf
