// Finds a component in a pipeline, and puts another in its place.
#include "swap/variants.h"

#include <algorithm>
#include <utility>

#include "config/did_you_mean.h"
#include "config/document.h"
#include "easylm/error.h"

namespace easylm {
namespace {

constexpr std::string_view kTracker = "jsonl";  // whose file the figures are read from
constexpr std::string_view kSteps = "steps", kLogEvery = "log_every_steps";

const Origin& vary_origin() {
  static const Origin kOrigin{"--vary", {}, 0, 0};
  return kOrigin;
}

// A component's table in a pipeline, given or not.
struct Place {
  std::string path;  // "optimizer.schedule"
  std::string kind;  // "schedule"
};

std::string type_of(const Value* given, const std::optional<Value>& default_value) {
  if (given != nullptr) {
    if (const auto* name = given->as<std::string>()) return *name;
    const Table* table = given->as<Table>();
    const Value* type = table == nullptr ? nullptr : table->find("type");
    const auto* name = type == nullptr ? nullptr : type->as<std::string>();
    if (name != nullptr) return *name;
  }
  const Table* table = default_value ? default_value->as<Table>() : nullptr;
  return table == nullptr ? std::string() : table->type;
}

bool has_field(const ComponentDescription& description, std::string_view key) {
  return std::ranges::find(description.fields, key, &Field::key) != description.fields.end();
}

class Places {
 public:
  explicit Places(const Descriptions& descriptions) : descriptions_(descriptions) {}

  std::vector<Place> of(const Table& root) && {
    for (const Setting& section : root.settings) {
      if (section.key == "dataset") {
        const Table* datasets = section.value.as<Table>();
        if (datasets == nullptr) continue;
        for (const Setting& dataset : datasets->settings) {
          add({"dataset." + dataset.key, "dataset"}, &dataset.value, std::nullopt);
        }
      } else if (section.key == "tokenizer" || section.key == "model" || section.key == "optimizer" ||
                 section.key == "checkpoint") {
        add({section.key, section.key}, &section.value, std::nullopt);
      }
    }
    return std::move(places_);
  }

 private:
  // A model that comes from somewhere may not say its type: then it has what any model has.
  std::vector<std::string> types_of(const Place& place, const Value* given,
                                    const std::optional<Value>& default_value) const {
    const std::string type = type_of(given, default_value);
    return type.empty() ? descriptions_.names(place.kind) : std::vector<std::string>{type};
  }

  void add(const Place& place, const Value* given, const std::optional<Value>& default_value) {
    const bool is_known = std::ranges::find(places_, place.path, &Place::path) != places_.end();
    if (is_known || std::ranges::count(place.path, '.') >= kMaxDocumentDepth) return;
    places_.push_back(place);
    const Table* table = given == nullptr ? nullptr : given->as<Table>();
    for (const std::string& type : types_of(place, given, default_value)) {
      const ComponentDescription* description = descriptions_.find(place.kind, type);
      if (description == nullptr) continue;
      for (const Field& field : description->fields) {
        if (field.type != FieldType::component) continue;
        add({place.path + "." + field.key, field.component_kind},
            table == nullptr ? nullptr : table->find(field.key), field.default_value);
      }
    }
  }

  const Descriptions& descriptions_;
  std::vector<Place> places_;
};

// A bare name is short for a table with that type.
Table& as_table(Value& value) {
  if (Table* table = std::get_if<Table>(&value.data)) return *table;
  Table table{{}, {}, value.origin};
  if (value.as<std::string>() != nullptr) table.set("type", value);
  value.data = std::move(table);
  return std::get<Table>(value.data);
}

Value& value_at(Table& table, const std::string& path) {
  const std::size_t dot = path.find('.');
  const std::string key = path.substr(0, dot);
  if (table.find(key) == nullptr) table.set(key, {Table{{}, {}, vary_origin()}, vary_origin()});
  Value& value = std::ranges::find(table.settings, key, &Setting::key)->value;
  return dot == std::string::npos ? value : value_at(as_table(value), path.substr(dot + 1));
}

// Keys of a component's table that aren't the component's.
bool is_host_key(const Place& place, const std::string& key) {
  if (place.path == "model") return key == "from";
  if (place.path != "checkpoint") return false;
  return std::ranges::find(checkpoint_policy_fields(), key, &Field::key) != checkpoint_policy_fields().end();
}

// A preset's name is kept for a type that has a preset of that name.
bool takes(const ComponentDescription& description, const Setting& setting) {
  if (has_field(description, setting.key)) return true;
  const auto* preset = setting.key == "preset" ? setting.value.as<std::string>() : nullptr;
  return preset != nullptr &&
         std::ranges::find(description.presets, *preset, &Preset::name) != description.presets.end();
}

Variant make_variant(const Table& root, const Place& place, const std::string& name,
                     const ComponentDescription* description) {
  Variant variant{name, place.kind, root, {}};
  Value& value = value_at(variant.root, place.path);
  Table table{{}, {{"type", {name, vary_origin()}}}, vary_origin()};
  for (Setting& setting : as_table(value).settings) {
    if (setting.key == "type") continue;
    if (description == nullptr || is_host_key(place, setting.key) || takes(*description, setting)) {
      table.settings.push_back(std::move(setting));
    } else {
      variant.left_out.push_back(setting.key);
    }
  }
  value = {std::move(table), vary_origin()};
  return variant;
}

// The items of [[name]]; a single table or a name alone counts as one.
List& items_of(Table& root, const std::string& name) {
  if (root.find(name) == nullptr) root.set(name, {List{}, vary_origin()});
  Value& value = value_at(root, name);
  if (value.as<List>() == nullptr) value = {List{value}, value.origin};
  return std::get<List>(value.data);
}

}  // namespace

VaryRequest parse_vary(std::string_view text) {
  const std::string example = "for example --vary optimizer=adamw,palm";
  const std::size_t equals = text.find('=');
  VaryRequest request{std::string(text.substr(0, equals)), {}};
  std::string_view rest = equals == std::string_view::npos ? "" : text.substr(equals + 1);
  while (!rest.empty()) {
    const std::size_t comma = rest.find(',');
    const std::string name(rest.substr(0, comma));
    if (std::ranges::find(request.names, name) != request.names.end()) {
      throw Error(ErrorCode::invalid_config, "--vary names '" + name + "' twice", example);
    }
    request.names.push_back(name);
    rest = comma == std::string_view::npos ? "" : rest.substr(comma + 1);
  }
  if (request.key.empty() || request.names.size() < 2) {
    throw Error(ErrorCode::invalid_config, "--vary needs a key, '=' and two names or more", example);
  }
  return request;
}

std::vector<Variant> make_variants(const Table& root, const VaryRequest& request,
                                   const Descriptions& descriptions, Diagnostics& diagnostics) {
  const std::vector<Place> places = Places(descriptions).of(root);
  const auto place = std::ranges::find(places, request.key, &Place::path);
  std::vector<Variant> variants;
  if (place == places.end()) {
    std::vector<std::string> paths;
    paths.reserve(places.size());
    for (const Place& known : places) paths.push_back(known.path);
    diagnostics.error(vary_origin(), "unknown_key", "this pipeline has no component '" + request.key + "'",
                      suggestion(request.key, paths, "it has"));
    return variants;
  }
  variants.reserve(request.names.size());
  for (const std::string& name : request.names) {
    variants.push_back(make_variant(root, *place, name, descriptions.find(place->kind, name)));
  }
  return variants;
}

std::optional<std::size_t> training_stage(const Table& root, const Descriptions& descriptions,
                                          Diagnostics& diagnostics) {
  Table copy = root;
  const List& stages = items_of(copy, "stage");
  std::vector<std::size_t> found;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const ComponentDescription* description = descriptions.find("stage", type_of(&stages[i], std::nullopt));
    if (description != nullptr && has_field(*description, kSteps) && has_field(*description, kLogEvery)) {
      found.push_back(i);
    }
  }
  if (found.size() == 1) return found.front();
  const Value* given = root.find("stage");
  diagnostics.error(given == nullptr ? vary_origin() : given->origin, "no_stage",
                    "a comparison needs one stage that trains, and this pipeline has " +
                        (found.empty() ? std::string("none") : std::to_string(found.size())),
                    "compare with a copy of the pipeline that has one");
  return std::nullopt;
}

void prepare_variant(Table& root, const VariantSettings& settings) {
  Value& name = value_at(root, "run.name");
  name.data = settings.run_name;
  if (root.find("checkpoint") != nullptr) {
    as_table(value_at(root, "checkpoint")).set("every_steps", {std::int64_t{0}, vary_origin()});
  }
  List& trackers = items_of(root, "tracker");
  const bool has_tracker =
      std::ranges::any_of(trackers, [](const Value& item) { return type_of(&item, {}) == kTracker; });
  if (!has_tracker) trackers.push_back({std::string(kTracker), vary_origin()});
  if (settings.steps) {
    as_table(items_of(root, "stage").at(settings.stage))
        .set(std::string(kSteps), {*settings.steps, {"--steps", {}, 0, 0}});
  }
}

void log_for_a_curve(PipelineConfig& config, std::size_t stage) {
  Table& resolved = as_table(items_of(config.resolved, "stage").at(stage));
  Value& every = value_at(resolved, std::string(kLogEvery));
  const std::int64_t steps = *resolved.find(kSteps)->as<std::int64_t>();
  const std::int64_t wanted = (steps + kMostCurvePoints - 1) / kMostCurvePoints;
  const std::int64_t given = *every.as<std::int64_t>();
  const bool is_users_own = every.origin.source != "default";
  every = {is_users_own ? std::min(given, wanted) : wanted, vary_origin()};
}

}  // namespace easylm
