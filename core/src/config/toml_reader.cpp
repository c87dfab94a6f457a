// Text to tables: guards toml++ against what it can't take, then keeps the order and place of every key.

// toml++ asserts on some malformed input instead of reporting it.
#ifndef NDEBUG
#define NDEBUG
#endif
#include <toml++/toml.h>

#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "config/document.h"

namespace easylm {
namespace {

constexpr std::string_view kDepthHint = "write the settings flatter";

std::string too_deep() {
  return "tables and arrays are nested more than " + std::to_string(kMaxDocumentDepth) + " deep";
}

// Finds nesting that would overflow toml++'s stack, without recursion. Wherever this reads the text otherwise
// than TOML does, the text is malformed there, and toml++ stops there by itself.
class DepthScan {
 public:
  explicit DepthScan(std::string_view text) : text_(text) {}

  // The 1-based line of the first thing nested too deeply; 0 if there is none.
  int run() {
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '"' || c == '\'') {
        skip_string(c);
        continue;
      }
      if (c == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
        continue;
      }
      if (c == '\n') ++line_;
      count(c);
      if (brackets_ > kMaxDocumentDepth || dots_ > kMaxDocumentDepth) return line_;
      ++at_;
    }
    return 0;
  }

 private:
  void count(char c) {
    if (c == '.') ++dots_;
    if (c == '[' || c == '{') ++brackets_;
    if (c == ']' || c == '}') brackets_ = std::max(0, brackets_ - 1);
    if (std::string_view("\n=,[]{}").find(c) != std::string_view::npos) dots_ = 0;
  }

  void skip_string(char quote) {
    const std::string triple(3, quote);
    const bool multiline = text_.substr(at_, 3) == triple;
    at_ += multiline ? 3 : 1;
    while (at_ < text_.size()) {
      const char c = text_[at_];
      if (c == '\n') {
        if (!multiline) return;
        ++line_;
      }
      if (c == '\\' && quote == '"' && at_ + 1 < text_.size()) {
        if (text_[at_ + 1] == '\n') ++line_;
        at_ += 2;
        continue;
      }
      if (multiline ? text_.substr(at_, 3) == triple : c == quote) {
        at_ += multiline ? 3 : 1;
        // A multi-line string may end in up to two quotes of its own.
        while (multiline && at_ < text_.size() && text_[at_] == quote) ++at_;
        return;
      }
      ++at_;
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  int line_ = 1;
  int brackets_ = 0;
  int dots_ = 0;
};

// toml++'s nodes as values with origins. Recursion is bounded by kMaxDocumentDepth.
class Converter {
 public:
  Converter(const std::string& name, Diagnostics& diagnostics) : name_(name), diagnostics_(diagnostics) {}

  bool ok() const { return ok_; }

  Table table(const toml::table& source, const Origin& origin, int depth) {
    struct Item {
      Origin origin;
      const toml::key* key;
      const toml::node* node;
    };
    std::vector<Item> items;  // toml++ sorts by name; files are read top to bottom
    for (const auto& [key, node] : source) {
      items.push_back({at(key.source().begin ? key.source() : node.source()), &key, &node});
    }
    std::stable_sort(items.begin(), items.end(), [](const Item& a, const Item& b) {
      return std::pair(a.origin.line, a.origin.column) < std::pair(b.origin.line, b.origin.column);
    });
    Table result;
    result.origin = origin;
    for (const Item& item : items) {
      auto converted = value(*item.node, item.origin, depth + 1);
      if (converted) result.settings.push_back({std::string(item.key->str()), std::move(*converted)});
    }
    return result;
  }

 private:
  Origin at(const toml::source_region& region) const {
    return {"file", name_, static_cast<int>(region.begin.line), static_cast<int>(region.begin.column)};
  }

  std::optional<Value> value(const toml::node& node, const Origin& origin, int depth) {
    if (depth > kMaxDocumentDepth) return refuse(origin, "too_deep", too_deep(), std::string(kDepthHint));
    if (const auto* held = node.as_boolean()) return Value{held->get(), origin};
    if (const auto* held = node.as_integer()) return Value{held->get(), origin};
    if (const auto* held = node.as_floating_point()) return Value{held->get(), origin};
    if (const auto* held = node.as_string()) return Value{held->get(), origin};
    if (const auto* held = node.as_table()) return Value{table(*held, origin, depth), origin};
    if (const auto* held = node.as_array()) {
      List list;
      for (const toml::node& item : *held) {
        auto converted = value(item, at(item.source()), depth + 1);
        if (converted) list.push_back(std::move(*converted));
      }
      return Value{std::move(list), origin};
    }
    return refuse(origin, "wrong_type", "dates and times aren't used in configurations",
                  "put the text in quotes");
  }

  std::nullopt_t refuse(const Origin& origin, std::string_view code, std::string message, std::string hint) {
    ok_ = false;
    diagnostics_.error(origin, code, std::move(message), std::move(hint));
    return std::nullopt;
  }

  const std::string& name_;
  Diagnostics& diagnostics_;
  bool ok_ = true;
};

// toml++'s message in the words of ours.
std::string plain_message(std::string_view description) {
  std::string text(description);
  constexpr std::string_view kError = "Error while";
  if (text.starts_with(kError)) text = "while" + text.substr(kError.size());
  const std::string_view newline = "'\\n'";
  if (const std::size_t at = text.find(newline); at != std::string::npos) {
    text.replace(at, newline.size(), "the end of the line");
  }
  return "this isn't TOML: " + text;
}

std::string syntax_hint(std::string_view description) {
  if (description.find("could not determine value type") != std::string_view::npos) {
    return "text needs quotes";
  }
  if (description.find("control characters other than TAB") != std::string_view::npos) {
    return "is the closing quote missing?";
  }
  if (description.find("cannot redefine existing") != std::string_view::npos) return "say it once";
  return {};
}

}  // namespace

std::optional<Table> parse_document(std::string_view text, const std::string& name,
                                    Diagnostics& diagnostics) {
  Origin whole{"file", name, 0, 0};
  if (text.size() > kMaxDocumentBytes) {
    diagnostics.error(whole, "too_large",
                      "the file has " + std::to_string(text.size()) + " bytes; a configuration has at most " +
                          std::to_string(kMaxDocumentBytes));
    return std::nullopt;
  }
  if (const int line = DepthScan(text).run(); line > 0) {
    whole.line = line;
    diagnostics.error(whole, "too_deep", too_deep(), std::string(kDepthHint));
    return std::nullopt;
  }
  try {
    const toml::table parsed = toml::parse(text, std::string_view(name));
    Converter converter(name, diagnostics);
    Table root = converter.table(parsed, {"file", name, 1, 1}, 0);
    if (!converter.ok()) return std::nullopt;
    return root;
  } catch (const toml::parse_error& error) {
    whole.line = static_cast<int>(error.source().begin.line);
    whole.column = static_cast<int>(error.source().begin.column);
    diagnostics.error(whole, "syntax", plain_message(error.description()), syntax_hint(error.description()));
    return std::nullopt;
  }
}

std::optional<Value> parse_value(std::string_view text) {
  Diagnostics unused;
  auto table = parse_document("value = " + std::string(text), "value", unused);
  if (!table || table->settings.size() != 1 || table->settings[0].key != "value") return std::nullopt;
  return std::move(table->settings[0].value);
}

}  // namespace easylm
