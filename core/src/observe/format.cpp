// Numbers as people read them.
#include "observe/format.h"

#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace easylm {
namespace {

std::string print(const char* format, int precision, double value) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), format, precision, value);
  return text.data();
}

// The decimal exponent that `value` has once rounded to `digits`: 9.996 with 3 digits is 1.00e1.
int exponent_of(double value, int digits) {
  const std::string text = print("%.*e", digits - 1, value);
  return std::stoi(text.substr(text.find('e') + 1));
}

struct Scale {
  double factor;
  std::string_view suffix;
};

// The largest scale under which the rounded number is at least 1.
const Scale& scale_for(double value, int digits, const std::array<Scale, 5>& scales) {
  const int exponent = value == 0 ? 0 : exponent_of(value, digits);
  std::size_t index = 0;
  while (index + 1 < scales.size() && exponent >= 3 * (static_cast<int>(index) + 1)) ++index;
  return scales[index];
}

std::string two_digits(std::int64_t value) { return (value < 10 ? "0" : "") + std::to_string(value); }

}  // namespace

std::string format_number(double value, int digits) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  if (value == 0) return "0";
  const int exponent = exponent_of(value, digits);
  if (exponent < -4 || exponent > 6) return format_scientific(value);
  return print("%.*f", exponent < digits ? digits - 1 - exponent : 0, value);
}

std::string format_fixed(double value, int decimals) {
  return std::isfinite(value) ? print("%.*f", decimals, value) : std::string();
}

std::string format_scientific(double value) {
  if (!std::isfinite(value) || value == 0) return format_number(value, 2);
  const std::string text = print("%.*e", 1, value);
  return text.substr(0, text.find('e') + 1) + std::to_string(exponent_of(value, 2));
}

std::string format_count(double value) {
  constexpr std::array<Scale, 5> kScales{{{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}}};
  constexpr int kDigits = 3;
  if (!std::isfinite(value)) return format_number(value, kDigits);
  const Scale& scale = scale_for(value, kDigits, kScales);
  if (scale.factor == 1 && value == std::floor(value)) return print("%.*f", 0, value);
  return format_number(value / scale.factor, kDigits) + std::string(scale.suffix);
}

std::string format_bytes(double bytes) {
  constexpr std::array<Scale, 5> kScales{
      {{1, " B"}, {1e3, " kB"}, {1e6, " MB"}, {1e9, " GB"}, {1e12, " TB"}}};
  if (!std::isfinite(bytes)) return format_number(bytes, 2);
  const Scale& scale = scale_for(bytes, 4, kScales);
  return print("%.*f", scale.factor == 1 ? 0 : 1, bytes / scale.factor) + std::string(scale.suffix);
}

std::string format_duration(std::chrono::seconds seconds) {
  constexpr std::int64_t kMinute = 60;
  constexpr std::int64_t kHour = 60 * kMinute;
  constexpr std::int64_t kDay = 24 * kHour;
  const std::int64_t s = seconds.count() < 0 ? 0 : seconds.count();
  if (s < kMinute) return std::to_string(s) + "s";
  if (s < kHour) return std::to_string(s / kMinute) + "m" + two_digits(s % kMinute) + "s";
  if (s < kDay) return std::to_string(s / kHour) + "h" + two_digits(s % kHour / kMinute) + "m";
  return std::to_string(s / kDay) + "d" + two_digits(s % kDay / kHour) + "h";
}

}  // namespace easylm
