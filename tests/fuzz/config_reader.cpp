// Feeds anything to the reader of configurations: it may refuse, and must not crash, hang or lose a setting.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "config/document.h"
#include "config/pipeline_config.h"
#include "config/show.h"

namespace {

// One component of each kind, with a key of every type.
class OneOfEach : public easylm::Descriptions {
 public:
  OneOfEach() {
    component_.name = "x";
    for (const easylm::FieldType type :
         {easylm::FieldType::boolean, easylm::FieldType::integer, easylm::FieldType::real,
          easylm::FieldType::string, easylm::FieldType::path, easylm::FieldType::component,
          easylm::FieldType::integers, easylm::FieldType::strings}) {
      easylm::Field field;
      field.key = std::string(1, static_cast<char>('a' + component_.fields.size()));
      field.type = type;
      field.is_optional = true;
      field.minimum = 0;
      field.component_kind = "model";
      component_.fields.push_back(field);
    }
    component_.presets.push_back({"p", {{"b", {std::int64_t{3}, {}}}}});
    component_.constraints.push_back({"b % c == 0", "b", "{b} and {c}", ""});
    component_.needs = {{"model", true}, {"dataset.train", false}};
    component_.makes = {"model"};
  }
  const easylm::ComponentDescription* find(std::string_view /*kind*/, std::string_view name) const override {
    return name == component_.name ? &component_ : nullptr;
  }
  std::vector<std::string> names(std::string_view /*kind*/) const override { return {component_.name}; }
  std::optional<std::string> reason_unavailable(std::string_view /*kind*/,
                                                std::string_view /*name*/) const override {
    return std::nullopt;
  }

 private:
  easylm::ComponentDescription component_;
};

// What was read must be shown such that it reads back as the same.
void expect_round_trip(const easylm::Table& table) {
  easylm::Diagnostics diagnostics;
  const std::string shown = easylm::show_toml(table, easylm::ShowOrigins::yes);
  const auto again = easylm::parse_document(shown, "shown", diagnostics);
  if (!again || easylm::show_toml(*again) != easylm::show_toml(table)) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const OneOfEach kDescriptions;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  easylm::Diagnostics diagnostics;
  const auto root = easylm::parse_document(text, "input", diagnostics);
  if (root.has_value() == diagnostics.has_errors()) std::abort();
  if (!root) return 0;
  expect_round_trip(*root);
  easylm::LoadOptions options;
  options.directory = "/";
  options.sets = {"stage.0.b=2", "model.f.b=1"};
  const auto config = easylm::check_pipeline(*root, "input", options, kDescriptions, diagnostics);
  if (config.has_value() == diagnostics.has_errors()) std::abort();
  if (config) expect_round_trip(config->resolved);
  easylm::to_json(diagnostics);
  return 0;
}
