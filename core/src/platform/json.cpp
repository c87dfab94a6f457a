// JSON text to plain data and back, on Boost.JSON's event parser: its own tree silently keeps the last of two
// equal keys.
#include "easylm/json.h"

#include <algorithm>
#include <boost/json.hpp>
#include <boost/json/basic_parser_impl.hpp>
#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <unordered_set>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "platform/json_print.h"

namespace easylm {
namespace {

namespace json = boost::json;

// Builds Values from the parser's events. The names and the result types are the parser's.
class Builder {
 public:
  // NOLINTBEGIN(readability-identifier-naming)
  static constexpr std::size_t max_object_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_array_size = std::numeric_limits<std::size_t>::max();
  static constexpr std::size_t max_key_size = std::size_t{1} << 20U;
  static constexpr std::size_t max_string_size = std::size_t{1} << 30U;
  // NOLINTEND(readability-identifier-naming)

  explicit Builder(std::string_view what) : what_(what) {}
  Value take() { return std::move(result_); }

  bool on_document_begin(json::error_code&) { return true; }
  bool on_document_end(json::error_code&) { return true; }
  bool on_object_begin(json::error_code&) { return open(Table{}); }
  bool on_object_end(std::size_t, json::error_code&) { return close(); }
  bool on_array_begin(json::error_code&) { return open(List{}); }
  bool on_array_end(std::size_t, json::error_code&) { return close(); }
  bool on_key_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
  bool on_key(json::string_view part, std::size_t, json::error_code&) {
    append(part);
    Frame& frame = frames_.back();
    frame.key = std::exchange(text_, {});
    if (!frame.keys.insert(frame.key).second) {
      throw Error(ErrorCode::corrupt, what_ + " has the key " + json_quoted(frame.key) + " twice",
                  "one of them is wrong");
    }
    return true;
  }
  bool on_string_part(json::string_view part, std::size_t, json::error_code&) { return append(part); }
  bool on_string(json::string_view part, std::size_t, json::error_code&) {
    append(part);
    return put({std::exchange(text_, {}), {}});
  }
  bool on_number_part(json::string_view, json::error_code&) { return true; }
  bool on_int64(std::int64_t x, json::string_view, json::error_code&) { return put({x, {}}); }
  bool on_uint64(std::uint64_t x, json::string_view, json::error_code&) {
    return put({static_cast<double>(x), {}});  // only beyond int64
  }
  bool on_double(double x, json::string_view, json::error_code&) { return put({x, {}}); }
  bool on_bool(bool x, json::error_code&) { return put({x, {}}); }
  bool on_null(json::error_code&) {
    if (!frames_.empty() && frames_.back().value.as<Table>() != nullptr) return true;
    throw Error(ErrorCode::corrupt, what_ + " has a null where a value is needed", "give a value");
  }
  bool on_comment_part(json::string_view, json::error_code&) { return true; }
  bool on_comment(json::string_view, json::error_code&) { return true; }

 private:
  struct Frame {
    Value value;
    std::string key;
    std::unordered_set<std::string> keys;
  };

  bool append(json::string_view part) {
    text_.append(part.data(), part.size());
    return true;
  }
  template <typename T>
  bool open(T empty) {
    frames_.push_back({{std::move(empty), {}}, {}, {}});
    return true;
  }
  bool close() {
    Value value = std::move(frames_.back().value);
    frames_.pop_back();
    return put(std::move(value));
  }
  bool put(Value value) {
    if (frames_.empty()) {
      result_ = std::move(value);
    } else if (auto* list = std::get_if<List>(&frames_.back().value.data)) {
      list->push_back(std::move(value));
    } else {
      auto& table = std::get<Table>(frames_.back().value.data);
      table.settings.push_back({std::move(frames_.back().key), std::move(value)});
    }
    return true;
  }

  std::string what_;
  std::string text_;
  std::vector<Frame> frames_;
  Value result_;
};

json::value to_json(const Value& value);

json::value to_json(const Table& table) {
  json::object object;
  if (!table.type.empty()) object["type"] = table.type;
  for (const Setting& setting : table.settings) object[setting.key] = to_json(setting.value);
  return object;
}

json::value to_json(const Value& value) {
  if (const auto* list = value.as<List>()) {
    json::array array;
    for (const Value& item : *list) array.push_back(to_json(item));
    return array;
  }
  if (const auto* table = value.as<Table>()) return to_json(*table);
  if (const auto* text = value.as<std::string>()) return json::value(*text);
  if (const auto* flag = value.as<bool>()) return *flag;
  if (const auto* integer = value.as<std::int64_t>()) return *integer;
  return std::get<double>(value.data);
}

std::string number_text(double x) {
  if (!std::isfinite(x)) return "null";
  char buffer[32];
  const auto end = std::to_chars(std::begin(buffer), std::end(buffer), x).ptr;
  std::string text(buffer, end);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

bool is_plain(const json::value& value) { return !value.is_object() && !value.is_array(); }

void print(const json::value& value, std::size_t depth, std::string& out);

// Members or items between brackets, each on its own line.
template <typename Container, typename PrintItem>
void print_lines(const Container& items, std::size_t depth, std::string& out, PrintItem&& print_item) {
  bool first = true;
  for (const auto& item : items) {
    out += first ? "\n" : ",\n";
    out.append(2 * (depth + 1), ' ');
    print_item(item);
    first = false;
  }
  out += '\n';
  out.append(2 * depth, ' ');
}

void print_array(const json::array& array, std::size_t depth, std::string& out) {
  out += '[';
  if (std::all_of(array.begin(), array.end(), is_plain)) {
    for (std::size_t i = 0; i < array.size(); ++i) {
      if (i > 0) out += ", ";
      print(array[i], depth, out);
    }
  } else {
    print_lines(array, depth, out, [&](const json::value& item) { print(item, depth + 1, out); });
  }
  out += ']';
}

void print(const json::value& value, std::size_t depth, std::string& out) {
  if (const json::object* object = value.if_object()) {
    out += '{';
    if (!object->empty()) {
      print_lines(*object, depth, out, [&](const json::key_value_pair& member) {
        out += json_quoted(member.key()) + ": ";
        print(member.value(), depth + 1, out);
      });
    }
    out += '}';
  } else if (const json::array* array = value.if_array()) {
    print_array(*array, depth, out);
  } else if (const double* real = value.if_double()) {
    out += number_text(*real);
  } else {
    out += json::serialize(value);
  }
}

}  // namespace

Value parse_json(std::string_view text, std::string_view what) {
  json::basic_parser<Builder> parser(json::parse_options{}, what);  // its depth limit is 32
  json::error_code problem;
  std::size_t used = parser.write_some(false, text.data(), text.size(), problem);
  if (!problem && used < text.size()) problem = json::error::extra_data;
  if (problem) {
    throw Error(
        ErrorCode::corrupt,
        std::string(what) + " is not valid JSON: " + problem.message() + " near byte " + std::to_string(used),
        "restore the file");
  }
  return parser.handler().take();
}

Table parse_json_object(std::string_view text, std::string_view what) {
  Value value = parse_json(text, what);
  auto* table = std::get_if<Table>(&value.data);
  if (table == nullptr) {
    throw Error(ErrorCode::corrupt, std::string(what) + " is not a JSON object", "restore the file");
  }
  return std::move(*table);
}

std::string printed(const json::value& value) {
  std::string out;
  print(value, 0, out);
  out += '\n';
  return out;
}

std::string json_text(const Value& value) { return printed(to_json(value)); }
std::string json_text(const Table& table) { return printed(to_json(table)); }
std::string json_quoted(std::string_view text) { return json::serialize(json::string_view(text)); }

}  // namespace easylm
