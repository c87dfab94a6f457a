// Ids by equality, logits by distance, answers by equality.
#include "comparison.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <limits>
#include <string_view>

#include "easylm/json.h"
#include "easylm/tensor/aten.h"
#include "easylm/utf8.h"

namespace easylm::stages {
namespace {

std::string short_number(double x) {
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3g", x);
  return text.data();
}

// As UTF-8: what a model writes may end in the middle of a character.
std::string readable(std::string_view bytes) {
  std::string text;
  while (!bytes.empty()) {
    const CodePoint point = first_code_point(bytes);
    append_utf8(text, point.value);
    bytes.remove_prefix(point.size);
  }
  return text;
}

Verdict compare_ids(const Observation& a, const Observation& b) {
  std::int64_t tokens = 0, different = 0, first = -1;
  for (std::size_t i = 0; i < a.ids.size(); ++i) {
    tokens += static_cast<std::int64_t>(a.ids[i].size());
    if (a.ids[i] == b.ids[i]) continue;
    if (first < 0) first = static_cast<std::int64_t>(i);
    ++different;
  }
  const auto texts = static_cast<std::int64_t>(a.ids.size());
  Verdict verdict{.what = "ids", .same = different == 0, .words = {}, .figures = {}};
  verdict.words = std::to_string(texts) + " texts, " + std::to_string(tokens) + " tokens";
  if (!verdict.same) {
    verdict.words +=
        ", " + std::to_string(different) + " texts differ, the first is number " + std::to_string(first + 1);
  }
  verdict.figures.set("texts", {texts, {}});
  verdict.figures.set("tokens", {tokens, {}});
  verdict.figures.set("different_texts", {different, {}});
  return verdict;
}

// Over all logits of the same ids.
struct Distance {
  std::int64_t tokens = 0, same_choice = 0;
  std::int64_t vocabulary_a = 0, vocabulary_b = 0;
  double max = 0, sum = 0, numbers = 0;

  void add(const at::Tensor& a_TV, const at::Tensor& b_TV) {
    vocabulary_a = a_TV.size(1);
    vocabulary_b = b_TV.size(1);
    if (vocabulary_a != vocabulary_b) return;
    const std::int64_t length = std::min(a_TV.size(0), b_TV.size(0));
    const at::Tensor a = a_TV.narrow(0, 0, length), b = b_TV.narrow(0, 0, length);
    const at::Tensor d = (a - b).abs();
    const bool finite = d.isfinite().all().item<bool>();
    max = std::max(max, finite ? d.max().item<double>() : std::numeric_limits<double>::infinity());
    sum += d.sum(at::kDouble).item<double>();
    numbers += static_cast<double>(d.numel());
    tokens += length;
    same_choice += (a.argmax(-1) == b.argmax(-1)).sum().item<std::int64_t>();
  }
};

Verdict compare_logits(const Observation& a, const Observation& b, double tolerance) {
  Distance distance;
  for (std::size_t i = 0; i < a.ids.size(); ++i) {
    const at::Tensor &a_TV = a.logits_TV[i], &b_TV = b.logits_TV[i];
    if (a.ids[i] == b.ids[i] && a_TV.defined() && b_TV.defined()) distance.add(a_TV, b_TV);
  }
  Verdict verdict{
      .what = "logits", .same = distance.tokens > 0 && distance.max <= tolerance, .words = {}, .figures = {}};
  if (distance.vocabulary_a != distance.vocabulary_b) {
    verdict.same = false;
    verdict.words = "vocabularies of " + std::to_string(distance.vocabulary_a) + " and " +
                    std::to_string(distance.vocabulary_b) + " tokens";
  } else if (distance.tokens == 0) {
    verdict.words = "nothing to compare: no text has the same ids";
  } else {
    verdict.words = "max distance " + short_number(distance.max) + ", mean " +
                    short_number(distance.sum / distance.numbers) + ", bound " + short_number(tolerance) +
                    ", the same first choice at " + std::to_string(distance.same_choice) + " of " +
                    std::to_string(distance.tokens) + " tokens";
    verdict.figures.set("max", {distance.max, {}});
    verdict.figures.set("mean", {distance.sum / distance.numbers, {}});
  }
  verdict.figures.set("tolerance", {tolerance, {}});
  verdict.figures.set("tokens", {distance.tokens, {}});
  verdict.figures.set("same_choice", {distance.same_choice, {}});
  return verdict;
}

Verdict compare_answers(const Observation& a, const Observation& b) {
  Verdict verdict{.what = "greedy", .same = a.answers == b.answers, .words = {}, .figures = {}};
  const auto prompts = static_cast<std::int64_t>(a.answers.size());
  verdict.words = std::to_string(prompts) + " prompts, " + std::to_string(a.answered_tokens) + " tokens";
  std::int64_t different = 0;
  for (std::size_t i = 0; i < a.answers.size(); ++i) {
    if (a.answers[i] == b.answers[i]) continue;
    if (different++ > 0) continue;
    verdict.words += ", number " + std::to_string(i + 1) + ": " + json_quoted(readable(a.answers[i])) +
                     " and " + json_quoted(readable(b.answers[i]));
  }
  verdict.figures.set("prompts", {prompts, {}});
  verdict.figures.set("tokens", {a.answered_tokens, {}});
  verdict.figures.set("different_prompts", {different, {}});
  return verdict;
}

}  // namespace

std::vector<Verdict> compare(const Observation& a, const Observation& b, double tolerance) {
  return {compare_ids(a, b), compare_logits(a, b, tolerance), compare_answers(a, b)};
}

}  // namespace easylm::stages
