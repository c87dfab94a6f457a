// Base64 and the numbers in it.
#include "data/base64.h"

#include <array>

namespace easylm {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_values() {
  std::array<std::int8_t, 256> values{};
  values.fill(-1);
  for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
    values[static_cast<unsigned char>(kAlphabet[i])] = static_cast<std::int8_t>(i);
  }
  return values;
}

constexpr std::array<std::int8_t, 256> kValues = make_values();

}  // namespace

std::optional<std::string> decode_base64(std::string_view text) {
  if (text.size() % 4 != 0) return std::nullopt;
  std::size_t padding = 0;
  while (padding < 2 && text.ends_with('=')) {
    text.remove_suffix(1);
    ++padding;
  }
  std::string bytes;
  bytes.reserve(text.size() / 4 * 3 + 2);
  std::uint32_t bits = 0;
  int num_bits = 0;
  for (const char c : text) {
    const std::int8_t value = kValues[static_cast<unsigned char>(c)];
    if (value < 0) return std::nullopt;
    bits = (bits << 6U) | static_cast<std::uint32_t>(value);
    num_bits += 6;
    if (num_bits < 8) continue;
    num_bits -= 8;
    bytes += static_cast<char>((bits >> static_cast<unsigned>(num_bits)) & 0xFFU);
  }
  const bool has_rest = (bits & ((1U << static_cast<unsigned>(num_bits)) - 1)) != 0;
  if (has_rest) return std::nullopt;
  return bytes;
}

std::optional<std::vector<std::int64_t>> read_integers(std::string_view bytes, std::string_view type) {
  const auto width = static_cast<std::size_t>(type[1] - '0');
  if (bytes.size() % width != 0) return std::nullopt;
  std::vector<std::int64_t> numbers;
  numbers.reserve(bytes.size() / width);
  for (std::size_t at = 0; at < bytes.size(); at += width) {
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < width; ++i) {
      bits |= std::uint64_t{static_cast<unsigned char>(bytes[at + i])} << (8 * i);
    }
    const auto unused = static_cast<unsigned>(64 - 8 * width);
    const auto number = static_cast<std::int64_t>(bits << unused);
    // The sign comes along when shifting back; without one it is left out.
    numbers.push_back(type[0] == 'i' ? number >> unused : static_cast<std::int64_t>(bits));
  }
  return numbers;
}

}  // namespace easylm
