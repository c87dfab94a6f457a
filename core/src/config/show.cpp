// Prints tables as TOML.
#include "config/show.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>
#include <vector>

namespace easylm {
namespace {

bool is_bare_key(std::string_view key) {
  return !key.empty() &&
         key.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
             std::string_view::npos;
}

std::string in_quotes(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    switch (c) {
      case '"':
        result += "\\\"";
        break;
      case '\\':
        result += "\\\\";
        break;
      case '\n':
        result += "\\n";
        break;
      case '\t':
        result += "\\t";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 && c != 0x7f) {
          result += c;
        } else {
          std::array<char, 8> escape{};
          std::snprintf(escape.data(), escape.size(), "\\u%04X", static_cast<unsigned>(c));
          result += escape.data();
        }
    }
  }
  return result + "\"";
}

std::string key_text(std::string_view key) { return is_bare_key(key) ? std::string(key) : in_quotes(key); }

// The shortest text that reads back as the same number, and as a real one.
std::string real_text(double x) {
  if (std::isnan(x)) return "nan";
  if (std::isinf(x)) return x > 0 ? "inf" : "-inf";
  std::array<char, 40> buffer{};
  const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), x).ptr;
  std::string text(buffer.data(), end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  if (const std::size_t e = text.find('e'); e != std::string::npos) {  // 1e-4 and 1e9, not 1e-04 and 1e+09
    const bool negative = text[e + 1] == '-';
    const std::size_t digits = std::min(text.find_first_not_of("+-0", e + 1), text.size() - 1);
    text.replace(e + 1, digits - e - 1, negative ? "-" : "");
  }
  return text;
}

std::string table_text(const Table& table) {
  std::vector<std::string> items;
  if (!table.type.empty()) items.push_back("type = " + in_quotes(table.type));
  for (const Setting& setting : table.settings) {
    items.push_back(key_text(setting.key) + " = " + toml_text(setting.value));
  }
  std::string text = "{";
  for (std::size_t i = 0; i < items.size(); ++i) text += (i == 0 ? " " : ", ") + items[i];
  return text + (items.empty() ? "}" : " }");
}

bool is_list_of_tables(const Value& value) {
  const List* list = value.as<List>();
  return list != nullptr && !list->empty() && std::all_of(list->begin(), list->end(), [](const Value& item) {
           return item.as<Table>() != nullptr;
         });
}

// Plain keys first, then sub-tables: a key that followed a header would belong to that table.
class Printer {
 public:
  explicit Printer(ShowOrigins origins) : origins_(origins) {}

  void body(const Table& table, const std::string& path) {
    if (!table.type.empty()) line("type = " + in_quotes(table.type), table.origin);
    for (const Setting& setting : table.settings) {
      if (is_section(setting.value)) continue;
      line(key_text(setting.key) + " = " + toml_text(setting.value), setting.value.origin);
    }
    for (const Setting& setting : table.settings) {
      if (is_section(setting.value))
        section(setting, path.empty() ? key_text(setting.key) : path + "." + key_text(setting.key));
    }
  }

  std::string text() && { return std::move(text_); }

 private:
  static bool is_section(const Value& value) {
    return value.as<Table>() != nullptr || is_list_of_tables(value);
  }

  void section(const Setting& setting, const std::string& path) {
    if (const Table* table = setting.value.as<Table>()) {
      if (has_own_lines(*table)) header("[" + path + "]");
      body(*table, path);
      return;
    }
    for (const Value& item : *setting.value.as<List>()) {
      header("[[" + path + "]]");
      body(*item.as<Table>(), path);
    }
  }

  // A table of nothing but sub-tables, like [dataset], needs no header of its own.
  static bool has_own_lines(const Table& table) {
    return !table.type.empty() || table.settings.empty() ||
           std::any_of(table.settings.begin(), table.settings.end(),
                       [](const Setting& setting) { return !is_section(setting.value); });
  }

  void header(const std::string& text) { text_ += (text_.empty() ? "" : "\n") + text + "\n"; }

  void line(const std::string& text, const Origin& origin) {
    text_ += text;
    if (origins_ == ShowOrigins::yes) text_ += "  # " + to_string(origin);
    text_ += "\n";
  }

  ShowOrigins origins_;
  std::string text_;
};

// A file's name may hold anything but must not end the comment.
std::string printable(std::string text) {
  std::replace_if(
      text.begin(), text.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, '?');
  return text;
}

}  // namespace

std::string to_string(const Origin& origin) {
  if (origin.source != "file") return printable(origin.source);
  return printable(origin.file) + (origin.line > 0 ? ":" + std::to_string(origin.line) : "");
}

std::string toml_text(const Value& value) {
  if (const auto* held = value.as<bool>()) return *held ? "true" : "false";
  if (const auto* held = value.as<std::int64_t>()) return std::to_string(*held);
  if (const auto* held = value.as<double>()) return real_text(*held);
  if (const auto* held = value.as<std::string>()) return in_quotes(*held);
  if (const auto* held = value.as<Table>()) return table_text(*held);
  std::string text = "[";
  for (const Value& item : *value.as<List>()) text += (text.size() == 1 ? "" : ", ") + toml_text(item);
  return text + "]";
}

std::string show_toml(const Table& root, ShowOrigins origins) {
  Printer printer(origins);
  printer.body(root, {});
  return std::move(printer).text();
}

}  // namespace easylm
