// --set and environment overrides: finds the place that a dotted key names, and puts the value there.
#include "config/overrides.h"

#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <charconv>
#include <optional>
#include <string_view>
#include <utility>

#include "config/document.h"
#include "config/show.h"

namespace easylm {
namespace {

constexpr std::string_view kPrefix = "EASYLM__";

enum class Case { matters, ignored };

bool same_key(std::string_view a, std::string_view b, Case how) {
  if (how == Case::matters) return a == b;
  return std::equal(a.begin(), a.end(), b.begin(), b.end(),
                    [](unsigned char x, unsigned char y) { return std::tolower(x) == std::tolower(y); });
}

std::vector<std::string> split(std::string_view text, std::string_view separator) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(separator);
    parts.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return parts;
    text.remove_prefix(end + separator.size());
  }
}

// What one of an array's items is called: its name, else its type.
std::string label(const Value& item) {
  if (const auto* text = item.as<std::string>()) return *text;
  const Table* table = item.as<Table>();
  if (table == nullptr) return {};
  for (const char* key : {"name", "type"}) {
    const Value* value = table->find(key);
    const auto* text = value != nullptr ? value->as<std::string>() : nullptr;
    if (text != nullptr) return *text;
  }
  return {};
}

// One override on its way to its place.
class Override {
 public:
  Override(std::vector<std::string> parts, Case how, Origin origin, Diagnostics& diagnostics)
      : parts_(std::move(parts)), how_(how), origin_(std::move(origin)), diagnostics_(diagnostics) {}

  void apply(Table& root, Value value) {
    Table* table = &root;
    for (std::size_t i = 0;; ++i) {
      Value& slot = slot_in(*table, parts_[i]);
      Value* place = &slot;
      // Arrays are entered by index or by name, possibly several in a row.
      while (i + 1 < parts_.size() && place->as<List>() != nullptr) {
        place = item_of(std::get<List>(place->data), ++i);
        if (place == nullptr) return;
      }
      if (i + 1 == parts_.size()) {
        *place = std::move(value);
        return;
      }
      table = &enter(*place);
    }
  }

 private:
  Value& slot_in(Table& table, const std::string& key) {
    for (Setting& setting : table.settings) {
      if (same_key(setting.key, key, how_)) return setting.value;
    }
    std::string name = key;
    if (how_ == Case::ignored) {
      for (char& c : name) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    }
    table.settings.push_back({std::move(name), {false, origin_}});
    Value& added = table.settings.back().value;
    added.data = Table{};
    std::get<Table>(added.data).origin = origin_;
    return added;
  }

  // The table behind `place`. A bare name is short for a table with that type; anything else gives way.
  Table& enter(Value& place) const {
    if (Table* table = std::get_if<Table>(&place.data)) return *table;
    Table table;
    table.origin = place.origin;
    if (place.as<std::string>() != nullptr) table.settings.push_back({"type", place});
    place.data = std::move(table);
    return std::get<Table>(place.data);
  }

  Value* item_of(List& list, std::size_t part) {
    const std::string& wanted = parts_[part];
    std::size_t index = 0;
    const auto [end, error] = std::from_chars(wanted.data(), wanted.data() + wanted.size(), index);
    const bool is_index = error == std::errc{} && end == wanted.data() + wanted.size();
    if (is_index && index < list.size()) return &list[index];
    std::vector<std::string> labels;
    std::vector<Value*> matches;
    for (Value& item : list) {
      labels.push_back(label(item));
      if (!labels.back().empty() && same_key(labels.back(), wanted, how_)) matches.push_back(&item);
    }
    if (!is_index && matches.size() == 1) return matches[0];
    report_item(part, labels, matches.size());
    return nullptr;
  }

  void report_item(std::size_t part, const std::vector<std::string>& labels, std::size_t num_matches) {
    std::string array;
    for (std::size_t i = 0; i < part; ++i) array += (i == 0 ? "" : ".") + parts_[i];
    std::string there;
    for (std::size_t i = 0; i < labels.size(); ++i) {
      there += (i == 0 ? "" : ", ") + std::to_string(i) + (labels[i].empty() ? "" : " (" + labels[i] + ")");
    }
    if (num_matches > 1) {
      diagnostics_.error(origin_, "ambiguous",
                         std::to_string(num_matches) + " of " + array + " are called '" + parts_[part] + "'",
                         "use an index: " + there);
      return;
    }
    diagnostics_.error(origin_, "unknown_key", array + " has no '" + parts_[part] + "'",
                       there.empty() ? "it is empty" : "it has " + there);
  }

  std::vector<std::string> parts_;
  Case how_;
  Origin origin_;
  Diagnostics& diagnostics_;
};

// Text that begins like this is meant as TOML, so it isn't quietly taken for a string.
bool looks_like_toml(std::string_view text) {
  return !text.empty() && std::string_view("\"'[{").find(text[0]) != std::string_view::npos;
}

// Whether the text can stand in TOML and in JSON.
bool is_utf8(const std::string& text) { return parse_value(toml_text({text, {}})).has_value(); }

void report_not_utf8(const Origin& origin, Diagnostics& diagnostics) {
  diagnostics.error(origin, "syntax", "a setting isn't valid UTF-8 text");
}

void apply_one(Table& root, std::vector<std::string> parts, Value value, const Origin& origin,
               Diagnostics& diagnostics) {
  std::string key;
  bool usable = parts.size() <= kMaxDocumentDepth;
  for (const std::string& part : parts) {
    key += (key.empty() ? "" : ".") + part;
    usable = usable && !part.empty();
  }
  if (!usable) {
    diagnostics.error(origin, "syntax", "'" + key + "' isn't a key",
                      "write TABLE.KEY, as in model.hidden_size");
    return;
  }
  set_origin(value, origin);
  const Case how = origin.source == "environment" ? Case::ignored : Case::matters;
  Override(std::move(parts), how, origin, diagnostics).apply(root, std::move(value));
}

// None, and a diagnostic, if `text` was meant as TOML and isn't.
std::optional<Value> override_value(const std::string& text, const std::string& key, const Origin& origin,
                                    Diagnostics& diagnostics) {
  if (auto value = parse_value(text)) return value;
  if (!looks_like_toml(text)) return Value{text, origin};
  diagnostics.error(origin, "syntax", "the value of '" + key + "' isn't TOML: " + text,
                    "check its quotes and brackets");
  return std::nullopt;
}

}  // namespace

void apply_sets(Table& root, std::span<const std::string> sets, Diagnostics& diagnostics) {
  const Origin origin{"--set", {}, 0, 0};
  for (const std::string& set : sets) {
    if (!is_utf8(set)) {
      report_not_utf8(origin, diagnostics);
      continue;
    }
    const std::size_t equals = set.find('=');
    if (equals == std::string::npos) {
      diagnostics.error(origin, "syntax", "'" + set + "' has no value", "write --set KEY=VALUE");
      continue;
    }
    const std::string key = set.substr(0, equals);
    auto value = override_value(set.substr(equals + 1), key, origin, diagnostics);
    if (value) apply_one(root, split(key, "."), std::move(*value), origin, diagnostics);
  }
}

void apply_environment(Table& root, std::span<const NamedText> environment, Diagnostics& diagnostics) {
  const Origin origin{"environment", {}, 0, 0};
  for (const auto& [name, text] : environment) {
    if (!name.starts_with(kPrefix)) continue;
    if (!is_utf8(name + text)) {
      report_not_utf8(origin, diagnostics);
      continue;
    }
    auto value = override_value(text, name, origin, diagnostics);
    const std::string_view key = std::string_view(name).substr(kPrefix.size());
    if (value) apply_one(root, split(key, "__"), std::move(*value), origin, diagnostics);
  }
}

std::vector<NamedText> config_environment() {
  std::vector<NamedText> found;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::size_t equals = text.find('=');
    if (!text.starts_with(kPrefix) || equals == std::string_view::npos) continue;
    found.emplace_back(text.substr(0, equals), text.substr(equals + 1));
  }
  std::sort(found.begin(), found.end());
  return found;
}

}  // namespace easylm
