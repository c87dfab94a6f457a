// Rotary scaling as Hugging Face describes it, and as the factors by which GGUF stores LLaMA 3's.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace easylm::gguf {

// Hugging Face's rope_scaling of rope_type "llama3".
struct Llama3Scaling {
  double factor = 1, low_freq_factor = 1, high_freq_factor = 4;
  std::int64_t original_positions = 8192;
};

// What each frequency is divided by; head_width / 2 numbers.
std::vector<float> rotary_factors(const Llama3Scaling& scaling, double theta, std::int64_t head_width);

// Whether these are the factors that `scaling` gives, but for their rounding.
bool gives(const Llama3Scaling& scaling, double theta, std::span<const float> factors);

}  // namespace easylm::gguf
