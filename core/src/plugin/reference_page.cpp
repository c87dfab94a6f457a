// Writes descriptions as tables.
#include "plugin/reference_page.h"

#include <array>
#include <cstdio>
#include <span>
#include <vector>

#include "config/checker.h"
#include "config/pipeline_config.h"
#include "config/show.h"

namespace easylm {
namespace {

std::string number(double x) {
  std::array<char, 32> text = {};
  std::snprintf(text.data(), text.size(), "%.10g", x);
  return text.data();
}

std::string type_text(const Field& field) {
  if (field.type != FieldType::component) return std::string(name_of(field.type));
  return "a " + field.component_kind;
}

std::string range_text(const Field& field) {
  std::string text;
  if (field.minimum) text += (field.exclusive_minimum ? "above " : "at least ") + number(*field.minimum);
  if (field.maximum) text += (text.empty() ? "at most " : ", at most ") + number(*field.maximum);
  for (const std::string& choice : field.choices) text += (text.empty() ? "" : ", ") + ("`" + choice + "`");
  return text;
}

std::string default_text(const Field& field) {
  if (field.default_value) return "`" + toml_text(*field.default_value) + "`";
  return field.is_optional ? "not set" : "**required**";
}

std::string cell(const std::string& text) {
  std::string escaped;
  for (const char c : text) escaped += c == '|' ? std::string("\\|") : std::string(1, c);
  return escaped;
}

void add_fields(std::string& page, std::span<const Field> fields, const std::string& prefix) {
  for (const Field& field : fields) {
    std::string meaning = field.doc;
    if (!field.unit.empty()) meaning += " (" + field.unit + ")";
    page += "| `" + prefix + field.key + "` | " + type_text(field) + " | " + cell(default_text(field)) +
            " | " + cell(range_text(field)) + " | " + cell(meaning) + " |\n";
    add_fields(page, field.fields, prefix + field.key + (field.type == FieldType::tables ? ".NAME." : "."));
  }
}

void add_table(std::string& page, std::span<const Field> fields) {
  page += "\n| key | type | default | allowed | meaning |\n| --- | --- | --- | --- | --- |\n";
  add_fields(page, fields, "");
}

void add_component(std::string& page, const ComponentDescription& component) {
  page += "\n### " + component.kind + " `" + component.name + "`\n\n" + component.doc + "\n";
  if (!component.needs.empty()) {
    page += "\nNeeds: ";
    for (const Port& port : component.needs) {
      page += (&port == component.needs.data() ? "`" : ", `") + port.name +
              (port.required ? "`" : "` (optional)");
    }
    page += ".";
    if (!component.makes.empty()) page += " Makes: ";
    for (const std::string& port : component.makes)
      page += (&port == component.makes.data() ? "`" : ", `") + port + "`";
    page += component.makes.empty() ? "\n" : ".\n";
  }
  if (component.fields.empty()) return;
  add_table(page, component.fields);
  if (component.presets.empty()) return;
  page += "\nPresets: ";
  for (const Preset& preset : component.presets) {
    page += (&preset == component.presets.data() ? "`" : ", `") + preset.name + "`";
  }
  page += ".\n";
}

}  // namespace

std::string reference_page(const Catalogue& catalogue) {
  std::string page =
      "# Every key\n\n"
      "Made from the descriptions that the components carry, by `easylm plugins describe --markdown`; a test "
      "keeps it "
      "true. [pipeline.md](pipeline.md) says how the tables go together.\n\n"
      "## The host's own tables\n\n### `[run]`\n";
  add_table(page, run_fields());
  page += "\n### `[checkpoint]`\n\nBeside the keys of the format:\n";
  add_table(page, checkpoint_policy_fields());
  page += "\n## Components\n";
  for (const std::string& kind : catalogue.kinds()) {
    for (const std::string& name : catalogue.names(kind)) add_component(page, *catalogue.find(kind, name));
  }
  return page;
}

}  // namespace easylm
