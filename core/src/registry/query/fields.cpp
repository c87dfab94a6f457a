// Knows the fields, and reads the values that they are compared with.
#include "registry/query/fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>
#include <vector>

#include "config/did_you_mean.h"

namespace easylm::query {
namespace {

struct Known {
  std::string_view name;
  FieldSource source;
  std::string_view column;
};

constexpr std::array<Known, 12> kFields = {{{"name", FieldSource::text, "name"},
                                            {"version", FieldSource::number, "version"},
                                            {"step", FieldSource::number, "step"},
                                            {"tokens", FieldSource::number, "tokens"},
                                            {"bytes", FieldSource::number, "bytes"},
                                            {"created", FieldSource::date, "created_at"},
                                            {"run", FieldSource::run, "run"},
                                            {"stage", FieldSource::text, "stage"},
                                            {"format", FieldSource::text, "format"},
                                            {"status", FieldSource::text, "status"},
                                            {"parent", FieldSource::parent, ""},
                                            {"alias", FieldSource::alias, ""}}};

constexpr std::array<std::pair<std::string_view, FieldSource>, 3> kGroups = {
    {{"tags.", FieldSource::tag}, {"metrics.", FieldSource::metric}, {"config.", FieldSource::config}}};

constexpr std::string_view kFieldList =
    "name, version, step, tokens, bytes, created, run, stage, format, status, parent, alias, tags.KEY, "
    "metrics.NAME, config.PATH";

// "metric.loss" → "metrics.loss", "tokns" → "tokens".
std::string field_hint(const std::string& word) {
  std::vector<std::string> names;
  const std::size_t dot = word.find('.');
  if (dot == std::string::npos) {
    for (const Known& known : kFields) names.emplace_back(known.name);
    for (const auto& [prefix, unused] : kGroups) names.emplace_back(prefix.substr(0, prefix.size() - 1));
  } else {
    for (const auto& [prefix, unused] : kGroups) names.emplace_back(prefix.substr(0, prefix.size() - 1));
  }
  const std::string near = nearest(word.substr(0, dot), names);
  if (near.empty()) return "the fields are: " + std::string(kFieldList);
  return "did you mean '" + near + (dot == std::string::npos ? "" : word.substr(dot)) + "'?";
}

template <typename T>
std::optional<T> whole_number(const std::string& text) {
  T number{};
  const char* end = text.data() + text.size();
  const auto [stopped, problem] = std::from_chars(text.data(), end, number);
  if (problem != std::errc() || stopped != end) return std::nullopt;
  return number;
}

// Whether `text` begins like "2026-11-24T19:26:17.123".
bool is_date_prefix(std::string_view text) {
  constexpr std::string_view kPattern = "dddd-dd-ddTdd:dd:dd.ddd";
  if (text.size() > kPattern.size()) return false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const bool fits = kPattern[i] == 'd' ? text[i] >= '0' && text[i] <= '9' : text[i] == kPattern[i];
    if (!fits) return false;
  }
  constexpr std::array<std::size_t, 7> kWhole = {4, 7, 10, 13, 16, 19, 23};
  return std::ranges::find(kWhole, text.size()) != kWhole.end();
}

Literal date_of(std::string_view source, const Token& token) {
  std::string text = token.text;
  if (text.ends_with('Z')) text.pop_back();
  if (text.size() > 10 && text[10] == ' ') text[10] = 'T';
  if (token.kind == TokenKind::text && is_date_prefix(text)) return text;
  refuse(source, token.spot, "this is no date",
         "write \"2026-11\", \"2026-11-24\" or \"2026-11-24T19:26\", in quotes; times are UTC");
}

Literal number_of(std::string_view source, const Token& token) {
  if (const auto integer = whole_number<std::int64_t>(token.text)) return *integer;
  const auto real = whole_number<double>(token.text);
  if (real && std::isfinite(*real)) return *real;
  refuse(source, token.spot, "this is no number",
         "write it like 12, -3, 0.5 or 1e-4; put a text into quotes");
}

}  // namespace

Field field_of(std::string_view source, const Token& token) {
  for (const Known& known : kFields) {
    if (token.text == known.name) return {known.source, std::string(known.column)};
  }
  for (const auto& [prefix, group] : kGroups) {
    if (token.text.starts_with(prefix) && token.text.size() > prefix.size()) {
      return {group, token.text.substr(prefix.size())};
    }
  }
  refuse(source, token.spot, "there is no field '" + token.text + "'", field_hint(token.text));
}

Literal literal_of(std::string_view source, const Token& token, const Field& field) {
  const bool takes_numbers = field.source == FieldSource::number || field.source == FieldSource::metric ||
                             field.source == FieldSource::tag || field.source == FieldSource::config;
  const bool takes_texts = field.source != FieldSource::number && field.source != FieldSource::metric;
  const bool is_truth = token.kind == TokenKind::word && (token.text == "true" || token.text == "false");
  if (!is_truth && token.kind != TokenKind::number && token.kind != TokenKind::text) {
    refuse(source, token.spot, "a value belongs here",
           token.kind == TokenKind::word ? "put a text into quotes: \"" + token.text + "\""
                                         : "write a number, or a text in quotes");
  }
  if (field.source == FieldSource::date) return date_of(source, token);
  if (token.kind == TokenKind::number) {
    if (takes_numbers) return number_of(source, token);
    refuse(source, token.spot, "this field is a text, not a number",
           "put it into quotes: \"" + token.text + "\"");
  }
  if (takes_texts) return token.text;
  refuse(source, token.spot, "this field is a number, not a text",
         "compare it with a number, without quotes");
}

}  // namespace easylm::query
