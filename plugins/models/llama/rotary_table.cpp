// Rotary frequencies in fp32, as transformers computes them: models were trained with these roundings.
#include "rotary_table.h"

#include <algorithm>
#include <cmath>
#include <numbers>
#include <optional>
#include <string>

#include "easylm/error.h"
#include "easylm/tensor/aten.h"

namespace easylm::llama {
namespace {

// LLaMA 3.1: long waves are stretched by `factor`, short ones kept, those in between blended.
double stretched(double frequency, const Rope& rope) {
  const double wavelength = 2 * std::numbers::pi / frequency;
  const auto original = static_cast<double>(rope.original_positions);
  if (wavelength < original / rope.high_freq_factor) return frequency;
  if (wavelength > original / rope.low_freq_factor) return frequency / rope.factor;
  const double smooth =
      (original / wavelength - rope.low_freq_factor) / (rope.high_freq_factor - rope.low_freq_factor);
  return (1 - smooth) * frequency / rope.factor + smooth * frequency;
}

// YaRN: which share of a pair's frequency is stretched, rising from 0 to 1 between two pairs.
class YarnRamp {
 public:
  YarnRamp(const Rope& rope, std::int64_t head_dim) {
    const auto width = static_cast<double>(head_dim);
    // The pair that turns so often within the original positions.
    const auto pair_of = [&](double turns) {
      const double wavelength = static_cast<double>(rope.original_positions) / turns;
      return width * std::log(wavelength / (2 * std::numbers::pi)) / (2 * std::log(rope.theta));
    };
    first_ = pair_of(rope.yarn.beta_fast);
    last_ = pair_of(rope.yarn.beta_slow);
    if (rope.yarn.truncate) {
      first_ = std::floor(first_);
      last_ = std::ceil(last_);
    }
    first_ = std::max(first_, 0.0);
    last_ = std::min(last_, width - 1);
    if (first_ == last_) last_ += 0.001;
  }

  double stretched_share(std::int64_t pair) const {
    return std::clamp((static_cast<double>(pair) - first_) / (last_ - first_), 0.0, 1.0);
  }

 private:
  double first_, last_;
};

}  // namespace

RotaryTable::RotaryTable(const Rope& rope, std::int64_t head_dim, std::int64_t max_positions)
    : rope_(rope), head_dim_(head_dim), max_positions_(max_positions) {}

at::Tensor RotaryTable::frequencies(std::int64_t num_positions) const {
  double theta = rope_.theta;
  const auto width = static_cast<double>(head_dim_);
  if (rope_.kind == RopeKind::dynamic && num_positions > max_positions_) {
    const double growth = static_cast<double>(num_positions) / static_cast<double>(max_positions_);
    theta *= std::pow(rope_.factor * growth - (rope_.factor - 1), width / (width - 2));
  }
  std::optional<YarnRamp> ramp;
  if (rope_.kind == RopeKind::yarn) ramp.emplace(rope_, head_dim_);
  at::Tensor result = aten::empty({head_dim_ / 2}, at::kFloat);
  auto* out = result.mutable_data_ptr<float>();
  for (std::int64_t i = 0; i < head_dim_ / 2; ++i) {
    double frequency = std::pow(theta, -2.0 * static_cast<double>(i) / width);
    if (rope_.kind == RopeKind::linear) frequency /= rope_.factor;
    if (rope_.kind == RopeKind::llama3) frequency = stretched(frequency, rope_);
    if (ramp) {
      const double share = ramp->stretched_share(i);
      frequency = frequency / rope_.factor * share + frequency * (1 - share);
    }
    out[i] = static_cast<float>(frequency);
  }
  return result;
}

RotaryAngles RotaryTable::compute(const Positions& positions, at::Device device) const {
  at::Tensor at_positions = positions.given;
  std::int64_t end = positions.begin + positions.length;
  if (at_positions.defined()) {
    end = at_positions.numel() > 0 ? at_positions.max().item<std::int64_t>() + 1 : 0;
  } else {
    at_positions = aten::arange(positions.begin, end, at::TensorOptions(at::kLong).device(device));
  }
  if (end > max_positions_ && rope_.kind != RopeKind::dynamic) {
    throw Error(ErrorCode::unsupported,
                "the sequence has " + std::to_string(end) + " tokens and the model " +
                    std::to_string(max_positions_) + " positions",
                "use a shorter sequence, or a larger max_position_embeddings with a rope_scaling");
  }
  const at::Tensor angles = at_positions.to(at::kFloat).unsqueeze(-1) * frequencies(end).to(device);
  if (rope_.kind != RopeKind::yarn) return {angles.cos(), angles.sin()};
  const double growth = rope_.yarn.attention_factor;
  return {angles.cos().mul_(growth), angles.sin().mul_(growth)};
}

RotaryAngles RotaryTable::angles(const Positions& positions, at::Device device) {
  const std::uint32_t version = positions.given.defined() ? positions.given._version() : 0;
  const std::lock_guard lock(mutex_);
  const bool same = last_angles_.cos.defined() && last_angles_.cos.device() == device &&
                    last_positions_.given.is_same(positions.given) && last_version_ == version &&
                    last_positions_.begin == positions.begin && last_positions_.length == positions.length;
  if (!same) {
    last_angles_ = compute(positions, device);
    last_positions_ = positions;
    last_version_ = version;
  }
  return last_angles_;
}

}  // namespace easylm::llama
