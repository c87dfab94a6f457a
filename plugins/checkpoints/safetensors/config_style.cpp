// Says rotary settings and element type in one set of words.
#include "config_style.h"

#include <string>
#include <utility>

namespace easylm::safetensors {
namespace {

constexpr const char* kParameters = "rope_parameters";
constexpr const char* kScaling = "rope_scaling";
constexpr const char* kTheta = "rope_theta";
constexpr const char* kType = "rope_type";

const Table* table_in(const Table& config, const char* key) {
  const Value* value = config.find(key);
  return value == nullptr ? nullptr : value->as<Table>();
}

// Adds the settings of `from` but those of `skip`; `rope_type` under that name, not by its older one.
void add_rope(Table& to, const Table& from, std::string_view skip) {
  for (const Setting& setting : from.settings) {
    if (setting.key == skip) continue;
    if (setting.key == "type" && from.find(kType) != nullptr) continue;
    to.set(setting.key == "type" ? kType : setting.key, setting.value);
  }
}

bool is_plain(const Table& rope) {
  const Value* type = rope.find(kType);
  const auto* text = type == nullptr ? nullptr : type->as<std::string>();
  return text == nullptr || *text == "default";
}

// theta and scaling, whichever words say them; none if none do.
Table rope_of(const Table& config) {
  Table rope;
  if (const Table* parameters = table_in(config, kParameters)) {
    add_rope(rope, *parameters, {});
  } else if (const Table* scaling = table_in(config, kScaling)) {
    add_rope(rope, *scaling, {});
  }
  const Value* theta = config.find(kTheta);
  if (theta != nullptr && rope.find(kTheta) == nullptr) rope.set(kTheta, *theta);
  return rope;
}

}  // namespace

Table in_style(const Table& config, std::string_view style) {
  if (style == "as_is") return config;
  const bool is_v5 = style == "v5";
  Table styled{config.type, {}, config.origin};
  for (const Setting& setting : config.settings) {
    const bool is_rope = setting.key == kParameters || setting.key == kScaling || setting.key == kTheta;
    if (is_rope || setting.key == "dtype" || setting.key == "torch_dtype") continue;
    styled.settings.push_back(setting);
  }
  const Value* dtype = config.find("dtype");
  if (dtype == nullptr) dtype = config.find("torch_dtype");
  if (dtype != nullptr) styled.set(is_v5 ? "dtype" : "torch_dtype", *dtype);

  Table rope = rope_of(config);
  if (rope.settings.empty()) return styled;
  if (is_v5) {
    if (rope.find(kType) == nullptr) rope.set(kType, {std::string("default"), {}});
    styled.set(kParameters, {std::move(rope), {}});
    return styled;
  }
  if (const Value* theta = rope.find(kTheta)) styled.set(kTheta, *theta);
  if (is_plain(rope)) return styled;
  Table scaling;
  add_rope(scaling, rope, kTheta);
  styled.set(kScaling, {std::move(scaling), {}});
  return styled;
}

}  // namespace easylm::safetensors
