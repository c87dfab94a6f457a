// Writes the JSON Schema of the pipeline file from the components' descriptions.
#include "config/json_schema.h"

#include <boost/json.hpp>
#include <set>
#include <span>
#include <utility>

#include "config/pipeline_config.h"
#include "platform/json_print.h"

namespace easylm {
namespace {

namespace json = boost::json;

json::value to_json(const Value& value) {
  if (const auto* held = value.as<bool>()) return *held;
  if (const auto* held = value.as<std::int64_t>()) return *held;
  if (const auto* held = value.as<double>()) return *held;
  if (const auto* held = value.as<std::string>()) return json::string(*held);
  if (const auto* held = value.as<List>()) {
    json::array items;
    for (const Value& item : *held) items.push_back(to_json(item));
    return items;
  }
  const Table& table = *value.as<Table>();
  json::object object;
  if (!table.type.empty()) object["type"] = table.type;
  for (const Setting& setting : table.settings) object[setting.key] = to_json(setting.value);
  return object;
}

json::object reference(const std::string& definition) { return {{"$ref", "#/$defs/" + definition}}; }

std::string definition_of(const ComponentDescription& description) {
  return description.kind + "." + description.name;
}

json::array strings(std::span<const std::string> words) {
  json::array array;
  for (const std::string& word : words) array.push_back(json::string(word));
  return array;
}

// The type, bounds and choices of one value.
void describe_scalar(const Field& field, std::string_view type, json::object& schema) {
  schema["type"] = json::string(type);
  if (field.minimum) schema[field.exclusive_minimum ? "exclusiveMinimum" : "minimum"] = *field.minimum;
  if (field.maximum) schema["maximum"] = *field.maximum;
  if (!field.choices.empty()) schema["enum"] = strings(field.choices);
}

class SchemaWriter {
 public:
  explicit SchemaWriter(const Descriptions& descriptions) : descriptions_(descriptions) {}

  json::object pipeline() {
    json::object properties;
    properties["extends"] =
        one_or_many({{"type", "string"}}, "files that this one builds on, relative to it");
    properties["run"] = plain_table(run_fields());
    properties["tokenizer"] = component("tokenizer");
    properties["dataset"] = json::object{{"type", "object"}, {"additionalProperties", component("dataset")}};
    properties["model"] = component("model");
    properties["optimizer"] = component("optimizer");
    properties["checkpoint"] = component("checkpoint");
    properties["tracker"] = one_or_many(component("tracker"), "where metrics go");
    properties["stage"] = one_or_many(component("stage"), "what runs, from top to bottom");
    return {{"$schema", "https://json-schema.org/draft/2020-12/schema"},
            {"title", "EasyLM pipeline"},
            {"type", "object"},
            {"additionalProperties", false},
            {"properties", std::move(properties)},
            {"$defs", std::move(definitions_)}};
  }

 private:
  static json::object one_or_many(const json::object& item, std::string_view doc) {
    json::object list{{"type", "array"}, {"items", item}};
    return {{"description", json::string(doc)}, {"anyOf", json::array{std::move(list), item}}};
  }

  // A reference to the definition of a kind, which is written when it is first asked for.
  json::object component(const std::string& kind) {
    if (kinds_.insert(kind).second) {
      const auto names = descriptions_.names(kind);
      json::array forms;
      if (names.empty()) {
        forms.push_back(json::object{{"type", "string"}});
      } else {
        forms.push_back(json::object{{"type", "string"}, {"enum", strings(names)}});
      }
      for (const std::string& name : names) {
        const ComponentDescription* description = descriptions_.find(kind, name);
        if (description == nullptr) continue;
        const std::string definition = definition_of(*description);
        json::object body = component_table(*description);
        definitions_[definition] = std::move(body);
        json::object form = reference(definition);
        form["required"] = json::array{"type"};
        forms.push_back(std::move(form));
      }
      if (kind == "model") forms.push_back(model_from());
      definitions_[kind] = json::object{{"oneOf", std::move(forms)}};
    }
    return reference(kind);
  }

  json::object component_table(const ComponentDescription& description) {
    json::object schema = plain_table(description.fields);
    json::object& properties = schema["properties"].as_object();
    if (!description.presets.empty()) schema["required"] = json::array();  // a preset may give them
    properties["type"] = json::object{{"const", description.name}};
    if (!description.presets.empty()) {
      json::array names;
      for (const Preset& preset : description.presets) names.push_back(json::string(preset.name));
      properties["preset"] = json::object{{"type", "string"}, {"enum", std::move(names)}};
    }
    add_host_keys(description, properties);
    schema["description"] = description.doc;
    return schema;
  }

  void add_host_keys(const ComponentDescription& description, json::object& properties) {
    if (description.kind == "checkpoint") {
      for (const Field& field : checkpoint_policy_fields()) properties[field.key] = value_of(field);
    }
    if (description.kind != "stage") return;
    properties["name"] =
        json::object{{"type", "string"}, {"description", "of this stage; default: its type"}};
    for (const Port& port : description.needs) {
      json::object input{{"type", "string"},
                         {"description", "where it comes from: stage:NAME, a registry version or a path"}};
      const std::size_t dot = port.name.find('.');
      if (dot == std::string::npos) {
        json::value either = std::move(input);
        if (port.name == "model")
          either = json::object{{"anyOf", json::array{std::move(either), model_from()}}};
        properties[port.name] = std::move(either);
        continue;
      }
      json::value& outer = properties[port.name.substr(0, dot)];
      if (!outer.is_object()) {
        outer =
            json::object{{"type", "object"}, {"additionalProperties", false}, {"properties", json::object()}};
      }
      outer.as_object()["properties"].as_object()[port.name.substr(dot + 1)] = std::move(input);
    }
  }

  // With `from`, the other keys are overrides, and `type` isn't needed.
  json::object model_from() {
    json::object properties;
    for (const std::string& name : descriptions_.names("model")) {
      const ComponentDescription* description = descriptions_.find("model", name);
      if (description == nullptr) continue;
      for (const Field& field : description->fields) {
        if (!properties.contains(field.key)) properties[field.key] = value_of(field);
      }
    }
    properties["type"] = json::object{{"type", "string"}, {"enum", strings(descriptions_.names("model"))}};
    properties["from"] =
        json::object{{"type", "string"}, {"description", "a registry version, a directory or a file"}};
    return {{"type", "object"},
            {"additionalProperties", false},
            {"properties", std::move(properties)},
            {"required", json::array{"from"}}};
  }

  json::object plain_table(std::span<const Field> fields) {
    json::object properties;
    json::array required;
    for (const Field& field : fields) {
      properties[field.key] = value_of(field);
      if (!field.default_value && !field.is_optional) required.push_back(json::string(field.key));
    }
    return {{"type", "object"},
            {"additionalProperties", false},
            {"properties", std::move(properties)},
            {"required", std::move(required)}};
  }

  json::object value_of(const Field& field) {
    json::object schema = bare_value_of(field);
    std::string doc = field.doc;
    if (!field.unit.empty()) doc += " (" + field.unit + ")";
    if (!doc.empty()) schema["description"] = doc;
    if (field.default_value) schema["default"] = to_json(*field.default_value);
    return schema;
  }

  // Where a component stands by default, its keys may be given without its type.
  json::object nested(const Field& field) {
    json::object any = component(field.component_kind);
    const Table* standard = field.default_value ? field.default_value->as<Table>() : nullptr;
    if (standard == nullptr || descriptions_.find(field.component_kind, standard->type) == nullptr)
      return any;
    return {{"anyOf", json::array{std::move(any), reference(field.component_kind + "." + standard->type)}}};
  }

  json::object bare_value_of(const Field& field) {
    json::object schema;
    switch (field.type) {
      case FieldType::boolean:
        describe_scalar(field, "boolean", schema);
        return schema;
      case FieldType::integer:
        describe_scalar(field, "integer", schema);
        return schema;
      case FieldType::real:
        describe_scalar(field, "number", schema);
        return schema;
      case FieldType::string:
      case FieldType::path:
        describe_scalar(field, "string", schema);
        return schema;
      case FieldType::component:
        return nested(field);
      case FieldType::table:
        return plain_table(field.fields);
      case FieldType::tables:
        return {{"type", "object"}, {"additionalProperties", plain_table(field.fields)}};
      case FieldType::integers:
        describe_scalar(field, "integer", schema);
        break;
      case FieldType::reals:
        describe_scalar(field, "number", schema);
        break;
      case FieldType::strings:
        describe_scalar(field, "string", schema);
        break;
    }
    const json::object list = {{"type", "array"}, {"items", schema}};
    return {{"anyOf", json::array{list, std::move(schema)}}};  // one value stands for a list of one
  }

  const Descriptions& descriptions_;
  std::set<std::string> kinds_;
  json::object definitions_;
};

}  // namespace

std::string pipeline_json_schema(const Descriptions& descriptions) {
  return printed(SchemaWriter(descriptions).pipeline());
}

}  // namespace easylm
