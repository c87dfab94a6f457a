// Joins what is known of two versions by key.
#include "registry/comparison.h"

#include <algorithm>
#include <boost/json.hpp>
#include <iterator>
#include <map>
#include <optional>
#include <sstream>
#include <utility>
#include <vector>

#include "platform/json_print.h"
#include "registry/report.h"
#include "registry/run_config.h"
#include "registry/table_text.h"

namespace easylm {
namespace {

namespace json = boost::json;

struct Pair {
  std::optional<ConfigScalar> a, b;
};
using Pairs = std::map<std::string, Pair>;

enum class Shown { all, different };

Pairs joined(const ConfigRows& a, const ConfigRows& b, Shown shown) {
  Pairs pairs;
  for (const auto& [key, value] : a) pairs[key].a = value;
  for (const auto& [key, value] : b) pairs[key].b = value;
  if (shown == Shown::different) {
    std::erase_if(pairs, [](const auto& entry) { return entry.second.a == entry.second.b; });
  }
  return pairs;
}

ConfigRows plugins_of(const VersionDetails& details) {
  ConfigRows rows;
  for (const auto& [name, version] : details.plugins) rows.emplace_back(name, version);
  return rows;
}

ConfigRows metrics_of(const VersionDetails& details) {
  ConfigRows rows;
  for (const auto& [name, value] : details.version.metrics) rows.emplace_back(name, value);
  return rows;
}

ConfigRows facts_of(const VersionDetails& details) {
  const VersionRecord& version = details.version;
  return {{"run", version.run},       {"stage", version.stage}, {"step", version.step},
          {"tokens", version.tokens}, {"bytes", version.bytes}, {"dataset", version.dataset}};
}

struct Section {
  std::string name;
  Pairs pairs;
};

std::vector<Section> sections_of(const VersionDetails& a, const VersionDetails& b) {
  return {
      {"facts", joined(facts_of(a), facts_of(b), Shown::all)},
      {"metrics", joined(metrics_of(a), metrics_of(b), Shown::all)},
      {"config", joined(config_rows(a.config), config_rows(b.config), Shown::different)},
      {"plugins", joined(plugins_of(a), plugins_of(b), Shown::different)},
  };
}

// What `text` says that `other` doesn't, word by word: a fingerprint of data is a line of key=value.
std::string own_words(const std::string& text, const std::string& other) {
  const auto words_of = [](const std::string& line) {
    std::istringstream stream(line);
    return std::vector<std::string>(std::istream_iterator<std::string>(stream), {});
  };
  const std::vector<std::string> others = words_of(other);
  std::string own;
  for (const std::string& word : words_of(text)) {
    if (std::ranges::find(others, word) == others.end()) own += (own.empty() ? "" : " ") + word;
  }
  return own;
}

std::string cell_text(const std::string& key, const std::optional<ConfigScalar>& value,
                      const std::optional<ConfigScalar>& other) {
  if (!value) return "-";
  if (key == "dataset") {
    if (value == other) return "the same";
    return own_words(scalar_text(*value), other ? scalar_text(*other) : "");
  }
  if (const auto* real = std::get_if<double>(&*value)) return number_text(*real);
  const auto* integer = std::get_if<std::int64_t>(&*value);
  if (integer != nullptr && key == "bytes") return bytes_text(*integer);
  return scalar_text(*value);
}

// "-0.0312" of two numbers that differ.
std::string change_text(const Pair& pair) {
  const auto* a = pair.a ? std::get_if<double>(&*pair.a) : nullptr;
  const auto* b = pair.b ? std::get_if<double>(&*pair.b) : nullptr;
  if (a == nullptr || b == nullptr || *a == *b) return {};
  const double change = *b - *a;
  return (change > 0 ? "+" : "") + number_text(change);
}

json::value value_json(const std::optional<ConfigScalar>& value) {
  json::value held;
  if (value) std::visit([&](const auto& x) { held = x; }, *value);
  return held;
}

}  // namespace

std::string comparison_text(const VersionDetails& a, const VersionDetails& b) {
  std::vector<TableRow> rows = {{"", a.version.uri(), b.version.uri(), "CHANGE"}};
  for (const Section& section : sections_of(a, b)) {
    const bool only_differences = section.name == "config" || section.name == "plugins";
    if (only_differences && section.pairs.empty()) {
      rows.push_back({section.name, "the same", "the same", ""});
      continue;
    }
    for (const auto& [key, pair] : section.pairs) {
      const std::string prefix = section.name == "facts" ? "" : section.name + ".";
      rows.push_back(
          {prefix + key, cell_text(key, pair.a, pair.b), cell_text(key, pair.b, pair.a), change_text(pair)});
    }
  }
  return table_text(rows, {false, false, false, true});
}

std::string comparison_json(const VersionDetails& a, const VersionDetails& b) {
  json::object object = {{"a", a.version.uri()}, {"b", b.version.uri()}};
  for (const Section& section : sections_of(a, b)) {
    json::array rows;
    for (const auto& [key, pair] : section.pairs) {
      rows.push_back(json::object{{"key", key}, {"a", value_json(pair.a)}, {"b", value_json(pair.b)}});
    }
    object[section.name] = std::move(rows);
  }
  return printed(object);
}

}  // namespace easylm
