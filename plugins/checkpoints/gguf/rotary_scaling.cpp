// LLaMA 3's formula: long waves are stretched in full, short ones kept, those between in proportion.
#include "rotary_scaling.h"

#include <cmath>
#include <numbers>

namespace easylm::gguf {

std::vector<float> rotary_factors(const Llama3Scaling& scaling, double theta, std::int64_t head_width) {
  const auto positions = static_cast<double>(scaling.original_positions);
  std::vector<float> factors;
  for (std::int64_t i = 0; i < head_width; i += 2) {
    const double wave =
        2 * std::numbers::pi * std::pow(theta, static_cast<double>(i) / static_cast<double>(head_width));
    double divisor = 1;
    if (wave > positions / scaling.low_freq_factor) {
      divisor = scaling.factor;
    } else if (wave >= positions / scaling.high_freq_factor) {
      const double share =
          (positions / wave - scaling.low_freq_factor) / (scaling.high_freq_factor - scaling.low_freq_factor);
      divisor = 1 / ((1 - share) / scaling.factor + share);
    }
    factors.push_back(static_cast<float>(divisor));
  }
  return factors;
}

bool gives(const Llama3Scaling& scaling, double theta, std::span<const float> factors) {
  constexpr float kRounding = 1e-4F;  // those who write them compute in fp32
  const auto expected = rotary_factors(scaling, theta, 2 * static_cast<std::int64_t>(factors.size()));
  for (std::size_t i = 0; i < factors.size(); ++i) {
    const bool is_near = std::fabs(factors[i] - expected[i]) <= kRounding * expected[i];
    if (!is_near) return false;  // NaN too
  }
  return true;
}

}  // namespace easylm::gguf
