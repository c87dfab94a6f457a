// The table of types, and blocks turned into numbers. Every product and sum is rounded to fp32 in the order
// of the reference implementation, so that results are equal to the bit.
#include "blocks.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "easylm/elements.h"
#include "quantise.h"

namespace easylm::gguf {
namespace {

float half_at(const std::byte* at) {
  std::uint16_t bits = 0;
  std::memcpy(&bits, at, sizeof bits);
  return f16_to_f32(bits);
}

int byte_at(const std::byte* at) { return std::to_integer<int>(*at); }
int signed_at(const std::byte* at) { return static_cast<std::int8_t>(std::to_integer<std::uint8_t>(*at)); }

// 32 numbers: scale, signed bytes.
void q8_0(const std::byte* block, float* x) {
  const float d = half_at(block);
  for (int i = 0; i < 32; ++i) x[i] = static_cast<float>(signed_at(block + 2 + i)) * d;
}

// 32 numbers of 4 bits: the low halves of 16 bytes, then the high halves.
int nibble(const std::byte* bytes, int i) { return (byte_at(bytes + i % 16) >> (i / 16 * 4)) & 15; }

void q4_0(const std::byte* block, float* x) {
  const float d = half_at(block);
  for (int i = 0; i < 32; ++i) x[i] = d * static_cast<float>(nibble(block + 2, i) - 8);
}

void q4_1(const std::byte* block, float* x) {
  const float d = half_at(block), m = half_at(block + 2);
  for (int i = 0; i < 32; ++i) {
    const float scaled = d * static_cast<float>(nibble(block + 4, i));
    x[i] = scaled + m;
  }
}

// The same with a fifth bit each, in four bytes of their own.
int five_bits(const std::byte* fifth, const std::byte* bytes, int i) {
  return nibble(bytes, i) | (((byte_at(fifth + i / 8) >> (i % 8)) & 1) << 4);
}

void q5_0(const std::byte* block, float* x) {
  const float d = half_at(block);
  for (int i = 0; i < 32; ++i) x[i] = d * static_cast<float>(five_bits(block + 2, block + 6, i) - 16);
}

void q5_1(const std::byte* block, float* x) {
  const float d = half_at(block), m = half_at(block + 2);
  for (int i = 0; i < 32; ++i) {
    const float scaled = d * static_cast<float>(five_bits(block + 4, block + 8, i));
    x[i] = scaled + m;
  }
}

struct ScaleAndMinimum {
  int scale, minimum;
};

// Of one of the eight parts of a K block: six bits each, packed in twelve bytes.
ScaleAndMinimum part_scale(const std::byte* packed, int part) {
  if (part < 4) return {byte_at(packed + part) & 63, byte_at(packed + 4 + part) & 63};
  const int low = byte_at(packed + 4 + part);
  return {(low & 15) | ((byte_at(packed + part - 4) >> 2) & 48),
          (low >> 4) | ((byte_at(packed + part) >> 2) & 48)};
}

// Eight parts of 32 numbers; two parts share 32 bytes. `fifth` holds a bit a number, or is null.
void k_parts(const std::byte* block, const std::byte* fifth, const std::byte* bytes, float* x) {
  const float d = half_at(block), dmin = half_at(block + 2);
  for (int part = 0; part < 8; ++part) {
    const ScaleAndMinimum packed = part_scale(block + 4, part);
    const float scale = d * static_cast<float>(packed.scale),
                minimum = dmin * static_cast<float>(packed.minimum);
    for (int i = 0; i < 32; ++i) {
      int q = (byte_at(bytes + part / 2 * 32 + i) >> (part % 2 * 4)) & 15;
      if (fifth != nullptr) q |= ((byte_at(fifth + i) >> part) & 1) << 4;
      const float scaled = scale * static_cast<float>(q);
      x[part * 32 + i] = scaled - minimum;
    }
  }
}

void q4_k(const std::byte* block, float* x) { k_parts(block, nullptr, block + 16, x); }
void q5_k(const std::byte* block, float* x) { k_parts(block, block + 16, block + 48, x); }

// Two halves of 128 numbers; in each, four runs of 32: low four bits from 64 bytes, high two from 32.
void q6_k(const std::byte* block, float* x) {
  const std::byte *scales = block + 192, *high = block + 128;
  const float d = half_at(block + 208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, run = i % 128 / 32, at = i % 32;
    const int low4 = (byte_at(block + half * 64 + run % 2 * 32 + at) >> (run / 2 * 4)) & 15;
    const int high2 = (byte_at(high + half * 32 + at) >> (run * 2)) & 3;
    const float scale = d * static_cast<float>(signed_at(scales + i / 16));
    x[i] = scale * static_cast<float>((low4 | (high2 << 4)) - 32);
  }
}

constexpr std::array<BlockType, 16> kTypes = {{{0, "F32", 1, 4, DType::f32, nullptr, nullptr, 0},
                                               {1, "F16", 1, 2, DType::f16, nullptr, nullptr, 1},
                                               {30, "BF16", 1, 2, DType::bf16, nullptr, nullptr, 32},
                                               {28, "F64", 1, 8, DType::f64},
                                               {24, "I8", 1, 1, DType::i8},
                                               {25, "I16", 1, 2, DType::i16},
                                               {26, "I32", 1, 4, DType::i32},
                                               {27, "I64", 1, 8, DType::i64},
                                               {8, "Q8_0", 32, 34, {}, q8_0, to_q8_0, 7},
                                               {2, "Q4_0", 32, 18, {}, q4_0, to_q4_0, 2},
                                               {3, "Q4_1", 32, 20, {}, q4_1, to_q4_1, 3},
                                               {6, "Q5_0", 32, 22, {}, q5_0},
                                               {7, "Q5_1", 32, 24, {}, q5_1},
                                               {12, "Q4_K", 256, 144, {}, q4_k},
                                               {13, "Q5_K", 256, 176, {}, q5_k},
                                               {14, "Q6_K", 256, 210, {}, q6_k}}};

struct ForeignType {
  std::uint32_t id;
  const char* name;
};
constexpr std::array<ForeignType, 17> kForeignTypes = {{{9, "Q8_1"},
                                                        {10, "Q2_K"},
                                                        {11, "Q3_K"},
                                                        {15, "Q8_K"},
                                                        {16, "IQ2_XXS"},
                                                        {17, "IQ2_XS"},
                                                        {18, "IQ3_XXS"},
                                                        {19, "IQ1_S"},
                                                        {20, "IQ4_NL"},
                                                        {21, "IQ3_S"},
                                                        {22, "IQ2_S"},
                                                        {23, "IQ4_XS"},
                                                        {29, "IQ1_M"},
                                                        {34, "TQ1_0"},
                                                        {35, "TQ2_0"},
                                                        {39, "MXFP4"},
                                                        {40, "NVFP4"}}};

template <typename Matches>
const BlockType* find_if(Matches matches) {
  const auto* found = std::ranges::find_if(kTypes, matches);
  return found == kTypes.end() ? nullptr : found;
}

}  // namespace

const BlockType* find_type(std::uint32_t id) {
  return find_if([&](const BlockType& type) { return type.id == id; });
}

const BlockType* find_type(std::string_view name) {
  return find_if([&](const BlockType& type) { return type.name == name; });
}

const BlockType* find_type(DType dtype) {
  return find_if([&](const BlockType& type) { return type.dtype == dtype; });
}

std::string type_name(std::uint32_t id) {
  if (const BlockType* type = find_type(id)) return std::string(type->name);
  const auto* foreign = std::ranges::find(kForeignTypes, id, &ForeignType::id);
  return foreign == kForeignTypes.end() ? "of number " + std::to_string(id) : foreign->name;
}

void dequantise(const BlockType& type, std::span<const std::byte> blocks, std::span<float> numbers) {
  const auto bytes = static_cast<std::size_t>(type.bytes), length = static_cast<std::size_t>(type.numbers);
  for (std::size_t i = 0; i < blocks.size() / bytes; ++i) {
    type.dequantise(blocks.data() + i * bytes, numbers.data() + i * length);
  }
}

bool quantise(const BlockType& type, std::span<const float> numbers, std::span<std::byte> blocks) {
  const auto bytes = static_cast<std::size_t>(type.bytes), length = static_cast<std::size_t>(type.numbers);
  for (std::size_t i = 0; i < numbers.size() / length; ++i) {
    if (!type.quantise(numbers.data() + i * length, blocks.data() + i * bytes)) return false;
  }
  return true;
}

}  // namespace easylm::gguf
