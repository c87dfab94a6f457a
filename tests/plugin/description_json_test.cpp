// Descriptions survive the way through the plugin's file, and nothing else is read there.
#include "plugin/description_json.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "easylm/error.h"

namespace easylm::test {
namespace {

Field full_field() {
  Field field;
  field.key = "outer";
  field.type = FieldType::table;
  field.doc = "ünïcode \"quoted\"\n";
  field.unit = "steps";
  field.is_optional = true;
  field.must_exist = true;
  field.minimum = 0.5;
  field.maximum = 2;
  field.exclusive_minimum = true;
  field.choices = {"a", "b"};
  field.component_kind = "schedule";
  Field inner;
  inner.key = "inner";
  inner.type = FieldType::component;
  inner.doc = "d";
  inner.default_value =
      Value{Table{"cosine", {{"steps", {std::int64_t{3}, {}}}, {"end", {3.0, {}}}}, {}}, {}};
  field.fields = {inner};
  return field;
}

ComponentDescription full_description() {
  ComponentDescription d;
  d.kind = "stage";
  d.interface = "easylm.stage/1";
  d.name = "train";
  d.doc = "Trains.";
  d.fields = {full_field()};
  d.presets = {{"tiny", {{"a", {true, {}}}, {"b", {List{{std::string("x"), {}}, {1.0, {}}}, {}}}}}};
  d.facts = {{"parameters", "a * b"}};
  d.tensors = {{"layer.{i}.weight", {"a", "2 * b"}, "layers", "biased"}};
  d.constraints = {{"a < b", "a", "{a} is too large", "make it smaller"}};
  d.needs = {{"model", true}, {"report", false}};
  d.makes = {"checkpoint"};
  return d;
}

TEST(DescriptionJson, KeepsEveryMember) {
  const ComponentDescription before = full_description();
  const auto all = descriptions_from_json(descriptions_to_json({before}));
  ASSERT_EQ(all.size(), 1U);
  const ComponentDescription& after = all.front();
  EXPECT_EQ(after.kind, "stage");
  EXPECT_EQ(after.interface, "easylm.stage/1");
  EXPECT_EQ(after.name, "train");
  EXPECT_EQ(after.doc, "Trains.");
  ASSERT_EQ(after.fields.size(), 1U);
  const Field& field = after.fields[0];
  EXPECT_EQ(field.key, "outer");
  EXPECT_EQ(field.type, FieldType::table);
  EXPECT_EQ(field.doc, before.fields[0].doc);
  EXPECT_EQ(field.unit, "steps");
  EXPECT_FALSE(field.default_value);
  EXPECT_TRUE(field.is_optional && field.must_exist && field.exclusive_minimum);
  EXPECT_EQ(field.minimum, 0.5);
  EXPECT_EQ(field.maximum, 2.0);
  EXPECT_EQ(field.choices, (std::vector<std::string>{"a", "b"}));
  EXPECT_EQ(field.component_kind, "schedule");
  const Table& table = *field.fields.at(0).default_value->as<Table>();
  EXPECT_EQ(table.type, "cosine");
  EXPECT_EQ(*table.find("steps")->as<std::int64_t>(), 3);
  EXPECT_EQ(*table.find("end")->as<double>(), 3.0);  // a real stays a real
  EXPECT_EQ(after.presets.at(0).name, "tiny");
  EXPECT_TRUE(*after.presets[0].settings.at(0).value.as<bool>());
  EXPECT_EQ(after.presets[0].settings.at(1).value.as<List>()->size(), 2U);
  EXPECT_EQ(after.facts.at(0).expression, "a * b");
  const TensorRule& tensor = after.tensors.at(0);
  EXPECT_EQ(tensor.name, "layer.{i}.weight");
  EXPECT_EQ(tensor.shape, (std::vector<std::string>{"a", "2 * b"}));
  EXPECT_EQ(tensor.count + " " + tensor.condition, "layers biased");
  EXPECT_EQ(after.constraints.at(0).message, "{a} is too large");
  EXPECT_EQ(after.constraints.at(0).hint, "make it smaller");
  EXPECT_FALSE(after.needs.at(1).required);
  EXPECT_EQ(after.makes, (std::vector<std::string>{"checkpoint"}));
}

TEST(DescriptionJson, GivesTheSameBytesAgain) {
  const std::string text = descriptions_to_json({full_description()});
  EXPECT_EQ(descriptions_to_json(descriptions_from_json(text)), text);
}

TEST(DescriptionJson, KeepsEveryTypeOfField) {
  for (int i = 0; i <= static_cast<int>(FieldType::tables); ++i) {
    ComponentDescription d = full_description();
    d.fields[0].type = static_cast<FieldType>(i);
    EXPECT_EQ(descriptions_from_json(descriptions_to_json({d}))[0].fields[0].type, d.fields[0].type);
  }
}

TEST(DescriptionJson, KeepsNumbersExactlyEvenInfinity) {
  for (const double x : {0.1, 1e-300, 5e-324, 1.7976931348623157e308, std::numeric_limits<double>::infinity(),
                         -std::numeric_limits<double>::infinity()}) {
    ComponentDescription d = full_description();
    d.fields[0].maximum = x;
    d.fields[0].default_value = Value{x, {}};
    const Field field = descriptions_from_json(descriptions_to_json({d}))[0].fields[0];
    EXPECT_EQ(field.maximum, x);
    EXPECT_EQ(*field.default_value->as<double>(), x);
  }
}

TEST(DescriptionJson, RefusesAKeyThatIsSetTwice) {
  ComponentDescription d = full_description();
  d.presets[0].settings = {{"a", {true, {}}}, {"a", {false, {}}}};
  EXPECT_THROW(descriptions_to_json({d}), Error);
}

TEST(DescriptionJson, NamesThePlaceOfWhatIsWrong) {
  const std::string good = descriptions_to_json({full_description()});
  const auto message = [&](std::string_view from, std::string_view to) -> std::string {
    std::string text = good;
    text.replace(text.find(from), from.size(), to);
    try {
      descriptions_from_json(text);
    } catch (const Error& error) {
      return error.message();
    }
    return "accepted";
  };
  const auto has = [](const std::string& text, std::string_view part) {
    return text.find(part) != text.npos;
  };
  EXPECT_TRUE(has(message("\"doc\":\"Trains.\"", "\"dok\":\"x\""), "components[0].doc: it is missing"));
  EXPECT_TRUE(has(message("\"unit\"", "\"unot\""), "components[0].fields[0].unot: it is unknown"));
  EXPECT_TRUE(has(message("\"table\"", "\"tabel\""), "'tabel' is not a type"));
  EXPECT_TRUE(has(message("\"optional\":true", "\"optional\":1"), "true or false is expected"));
  EXPECT_TRUE(has(message("\"minimum\":5E-1", "\"minimum\":\"x\""), "a number is expected"));
  EXPECT_TRUE(has(message("\"format\":1", "\"format\":2"), "this host reads format 1"));
  EXPECT_TRUE(has(message("[{", "{"), "it is not JSON"));
}

TEST(DescriptionJson, RefusesWhatIsNoDescription) {
  for (const std::string text : {"", "null", "[]", "{}", "{\"format\":1}", "{\"format\":1,\"components\":{}}",
                                 "{\"format\":1,\"components\":[1]}", "{\"format\":1,\"components\":[]} x"}) {
    EXPECT_THROW(descriptions_from_json(text), Error) << text;
  }
  EXPECT_THROW(descriptions_from_json(std::string(100000, '[')), Error);
}

}  // namespace
}  // namespace easylm::test
