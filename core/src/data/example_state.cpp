// Six numbers, each with its name.
#include "data/example_state.h"

#include <array>
#include <charconv>

namespace easylm {
namespace {

constexpr std::array<std::string_view, 6> kNames = {"file", "offset", "line", "example", "used", "tokens"};

}  // namespace

std::string state_text(const PackPlace& place, std::int64_t tokens) {
  const ExamplePlace& at = place.stream.example;
  const std::array<std::int64_t, 6> numbers = {at.file, at.offset, at.line, at.example, place.used, tokens};
  std::string text;
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    text.append(i == 0 ? "" : " ").append(kNames[i]).append("=").append(std::to_string(numbers[i]));
  }
  return text;
}

std::optional<ExampleState> parse_state(std::string_view text) {
  std::array<std::int64_t, 6> numbers{};
  for (std::size_t i = 0; i < kNames.size(); ++i) {
    const std::string head = (i == 0 ? "" : " ") + std::string(kNames[i]) + "=";
    if (!text.starts_with(head)) return std::nullopt;
    text.remove_prefix(head.size());
    const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), numbers[i]);
    if (problem != std::errc() || numbers[i] < 0 || numbers[i] > kLargestCount) return std::nullopt;
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  }
  if (!text.empty()) return std::nullopt;
  const auto [file, offset, line, example, used, tokens] = numbers;
  return ExampleState{{{0, {file, offset, line, example}}, used}, tokens};
}

}  // namespace easylm
