// Types, bounds and choices of single settings.
#include "config/plain_values.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

#include "config/did_you_mean.h"
#include "config/show.h"

namespace easylm {
namespace {

constexpr std::size_t kLongestShown = 40;  // characters of a wrong value in a message

bool is_list(FieldType type) {
  return type == FieldType::integers || type == FieldType::reals || type == FieldType::strings;
}

FieldType item_type(FieldType type) {
  if (type == FieldType::integers) return FieldType::integer;
  if (type == FieldType::reals) return FieldType::real;
  return FieldType::string;
}

std::string number_text(double x) {
  const bool whole = std::abs(x) < 1e15 && x == std::floor(x);
  return whole ? std::to_string(static_cast<std::int64_t>(x)) : toml_text({x, {}});
}

// What the user probably wanted to write.
std::string type_hint(const Value& raw, FieldType wanted) {
  const std::string* text = raw.as<std::string>();
  const double* real = raw.as<double>();
  const bool wants_number = wanted == FieldType::integer || wanted == FieldType::real;
  if (wants_number && text != nullptr && !text->empty() &&
      text->find_first_not_of("0123456789+-.eE_") == std::string::npos) {
    return "write " + *text + " without quotes";
  }
  if (wanted == FieldType::integer && real != nullptr && std::abs(*real) < 1e15 &&
      *real == std::floor(*real)) {
    return "write " + number_text(*real);
  }
  if (wanted == FieldType::boolean) return "write true or false";
  const bool wants_text = wanted == FieldType::string || wanted == FieldType::path;
  if (wants_text && raw.as<List>() == nullptr && raw.as<Table>() == nullptr) {
    return "write \"" + toml_text(raw) + "\"";
  }
  return {};
}

// The value in the field's own type; none if it has another.
std::optional<Value> converted(const Value& raw, FieldType wanted) {
  switch (wanted) {
    case FieldType::boolean:
      return raw.as<bool>() != nullptr ? std::optional(raw) : std::nullopt;
    case FieldType::integer:
      return raw.as<std::int64_t>() != nullptr ? std::optional(raw) : std::nullopt;
    case FieldType::real:
      if (const auto* integer = raw.as<std::int64_t>())
        return Value{static_cast<double>(*integer), raw.origin};
      return raw.as<double>() != nullptr ? std::optional(raw) : std::nullopt;
    default:
      return raw.as<std::string>() != nullptr ? std::optional(raw) : std::nullopt;
  }
}

// One value stands for a list of one, as in Hugging Face's `eos_token_id`; none if it has another type.
std::optional<Value> list_of_one(const Value& raw, FieldType wanted) {
  auto item = converted(raw, item_type(wanted));
  if (!item) return std::nullopt;
  return Value{List{std::move(*item)}, raw.origin};
}

// "at least 1", "above 0": the bound that `x` breaks; empty if none.
std::string broken_bound(double x, const Field& field) {
  if (field.minimum && field.exclusive_minimum && x <= *field.minimum)
    return "above " + number_text(*field.minimum);
  if (field.minimum && x < *field.minimum) return "at least " + number_text(*field.minimum);
  if (field.maximum && x > *field.maximum) return "at most " + number_text(*field.maximum);
  return {};
}

bool check_number(const Value& value, const Field& field, const std::string& where,
                  Diagnostics& diagnostics) {
  const double* real = value.as<double>();
  const std::int64_t* integer = value.as<std::int64_t>();
  if (real == nullptr && integer == nullptr) return true;
  const double x = real != nullptr ? *real : static_cast<double>(*integer);
  if (!std::isfinite(x)) {
    diagnostics.error(value.origin, "out_of_range",
                      where + " must be a finite number, not " + toml_text(value));
    return false;
  }
  const std::string bound = broken_bound(x, field);
  if (bound.empty()) return true;
  const std::string given = integer != nullptr ? std::to_string(*integer) : number_text(x);
  diagnostics.error(value.origin, "out_of_range", where + " must be " + bound + ", not " + given);
  return false;
}

bool check_choice(const Value& value, const Field& field, const std::string& where,
                  Diagnostics& diagnostics) {
  const std::string* text = value.as<std::string>();
  if (text == nullptr || field.choices.empty()) return true;
  if (std::find(field.choices.begin(), field.choices.end(), *text) != field.choices.end()) return true;
  const std::string near = nearest(*text, field.choices);
  diagnostics.error(value.origin, "not_a_choice",
                    where + " must be one of " + join(field.choices) + ", not " + toml_text(value),
                    near.empty() ? "" : "did you mean '" + near + "'?");
  return false;
}

}  // namespace

std::string with_article(std::string_view noun) {
  const bool vowel = !noun.empty() && std::string_view("aeiou").find(noun[0]) != std::string_view::npos;
  return (vowel ? "an " : "a ") + std::string(noun);
}

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : ", ") + word;
  return text.empty() ? "none" : text;
}

std::string describe(const Value& value) {
  if (value.as<Table>() != nullptr) return "a table";
  if (value.as<List>() != nullptr) return "a list";
  std::string kind = "the string ";
  if (value.as<bool>() != nullptr) kind = "the boolean ";
  if (value.as<std::int64_t>() != nullptr) kind = "the integer ";
  if (value.as<double>() != nullptr) kind = "the number ";
  const std::string text = toml_text(value);
  if (text.size() > kLongestShown) return kind == "the string " ? "a long string" : kind + "of many digits";
  return kind + text;
}

std::optional<Value> check_plain_value(const Value& raw, const Field& field, const std::string& where,
                                       Diagnostics& diagnostics) {
  const List* list = raw.as<List>();
  if (is_list(field.type) && list != nullptr) {
    Field item = field;
    item.type = item_type(field.type);
    List result;
    bool ok = true;
    for (std::size_t i = 0; i < list->size(); ++i) {
      auto value = check_plain_value((*list)[i], item, where + "." + std::to_string(i), diagnostics);
      ok = ok && value.has_value();
      if (value) result.push_back(std::move(*value));
    }
    return ok ? std::optional(Value{std::move(result), raw.origin}) : std::nullopt;
  }
  auto value = is_list(field.type) ? list_of_one(raw, field.type) : converted(raw, field.type);
  if (!value) {
    diagnostics.error(raw.origin, "wrong_type",
                      where + " must be " + with_article(name_of(field.type)) + ", not " + describe(raw),
                      type_hint(raw, field.type));
    return std::nullopt;
  }
  const Value& single = is_list(field.type) ? value->as<List>()->front() : *value;
  const bool fits =
      check_number(single, field, where, diagnostics) && check_choice(single, field, where, diagnostics);
  return fits ? value : std::nullopt;
}

}  // namespace easylm
