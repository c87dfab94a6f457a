// What people, scripts and editors get: suggestions, diagnostics, TOML values, the JSON Schema.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "config/diagnostics.h"
#include "config/did_you_mean.h"
#include "config/document.h"
#include "config/json_schema.h"
#include "config/show.h"
#include "fake_descriptions.h"

namespace easylm {
namespace {

namespace json = boost::json;

TEST(DidYouMean, CountsEditsAndSwaps) {
  EXPECT_EQ(edit_distance("", "abc"), 3);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3);
  EXPECT_EQ(edit_distance("apth", "path"), 1);
  EXPECT_EQ(edit_distance("PATH", "path"), 0);
}

TEST(DidYouMean, FindsTyposAndPartsButNothingFar) {
  const std::vector<std::string> keys{"hidden_size", "num_hidden_layers", "path", "type", "seed"};
  EXPECT_EQ(nearest("hiden_size", keys), "hidden_size");
  EXPECT_EQ(nearest("hidensize", keys), "hidden_size");
  EXPECT_EQ(nearest("hidden", keys), "hidden_size");
  EXPECT_EQ(nearest("layers", keys), "num_hidden_layers");
  EXPECT_EQ(nearest("pth", keys), "path");
  EXPECT_EQ(nearest("Type", keys), "type");
  EXPECT_EQ(nearest("optimizer", keys), "");
  EXPECT_EQ(nearest("x", keys), "");
  EXPECT_EQ(nearest("", keys), "");
  EXPECT_EQ(nearest(std::string(100'000, 'x'), keys), "");
}

TEST(DidYouMean, ListsAllWhenNothingIsNear) {
  EXPECT_EQ(suggestion("bytte", std::vector<std::string>{"byte", "bpe"}, "installed"),
            "did you mean 'byte'?");
  EXPECT_EQ(suggestion("zzz", std::vector<std::string>{"byte", "bpe"}, "installed"), "installed: byte, bpe");
  EXPECT_EQ(suggestion("zzz", {}, "installed"), "");
}

TEST(DiagnosticsTest, AreSortedAndSaidOnce) {
  Diagnostics diagnostics;
  diagnostics.error({"file", "b.toml", 1, 1}, "c", "third");
  diagnostics.error({"file", "a.toml", 10, 1}, "c", "second", "do this");
  diagnostics.warning({"file", "a.toml", 9, 7}, "c", "first");
  diagnostics.error({"file", "b.toml", 1, 1}, "c", "third");
  diagnostics.error({"--set", {}, 0, 0}, "c", "zeroth");
  EXPECT_EQ(diagnostics.text(),
            "--set: error: zeroth\na.toml:9:7: warning: first\na.toml:10:1: error: second\n  hint: do this\n"
            "b.toml:1:1: error: third\n");
}

TEST(DiagnosticsTest, HaveNoErrorsWhenThereAreOnlyWarnings) {
  Diagnostics diagnostics;
  diagnostics.warning({}, "c", "careful");
  EXPECT_FALSE(diagnostics.has_errors());
  EXPECT_EQ(json::parse(to_json(diagnostics)).at("ok").as_bool(), true);
}

TEST(DiagnosticsTest, PrintTheJsonOfTheContract) {
  Diagnostics diagnostics;
  diagnostics.error({"file", "a.toml", 3, 4}, "unknown_key", "unknown key \"x\"", "its keys: y");
  EXPECT_EQ(to_json(diagnostics),
            R"({"ok":false,"diagnostics":[{"file":"a.toml","line":3,"column":4,"severity":"error",)"
            R"("code":"unknown_key","message":"unknown key \"x\"","hint":"its keys: y"}]})");
}

TEST(ShowToml, PrintsRealsThatReadBackExactly) {
  for (const double x : {0.1, 1e-4, 1e9, 1.5e300, -2.0, 5e-324, 123456789.123, 1e22, 0.0}) {
    const std::string text = toml_text({x, {}});
    ASSERT_NE(parse_value(text)->as<double>(), nullptr) << text;
    EXPECT_EQ(*parse_value(text)->as<double>(), x) << text;
  }
  EXPECT_EQ(toml_text({1e-4, {}}), "1e-4");
  EXPECT_EQ(toml_text({1e9, {}}), "1e9");
  EXPECT_EQ(toml_text({3.0, {}}), "3.0");
}

TEST(ShowToml, PrintsAnyTextAndKeySoThatTheyReadBack) {
  std::string text = "\\ \" ' # é \x7f ";
  for (char c = 0; c < 32; ++c) text += c;
  Table table;
  table.set("a key.with = dots\n", {text, {}});
  table.set("", {List{Value{Table{"x", {{"y", {true, {}}}}, {}}, {}}, Value{std::int64_t{1}, {}}}, {}});
  table.set("t", {Table{{}, {{"q.r", {Table{}, {}}}}, {}}, {}});
  Diagnostics diagnostics;
  const auto again = parse_document(show_toml(table), "shown", diagnostics);
  ASSERT_TRUE(again.has_value()) << diagnostics.text() << show_toml(table);
  EXPECT_EQ(show_toml(*again), show_toml(table));
  EXPECT_EQ(*again->find("a key.with = dots\n")->as<std::string>(), text);
}

TEST(ShowToml, KeepsAFilesNameInsideItsComment) {
  Table table;
  table.set("a", {true, {"file", "x\n[injected]\n", 1, 1}});
  EXPECT_EQ(show_toml(table, ShowOrigins::yes), "a = true  # x?[injected]?:1\n");
}

class JsonSchema : public ::testing::Test {
 protected:
  JsonSchema() : schema_(json::parse(pipeline_json_schema(testing::FakeDescriptions::realistic()))) {}
  const json::value& at(const char* pointer) const { return schema_.at_pointer(pointer); }

  json::value schema_;
};

TEST_F(JsonSchema, DescribesEverySection) {
  EXPECT_EQ(at("/$schema").as_string(), "https://json-schema.org/draft/2020-12/schema");
  for (const char* name :
       {"extends", "run", "tokenizer", "dataset", "model", "optimizer", "checkpoint", "tracker", "stage"}) {
    EXPECT_TRUE(at("/properties").as_object().contains(name)) << name;
  }
  EXPECT_EQ(at("/additionalProperties").as_bool(), false);
  EXPECT_EQ(json::serialize(at("/properties/run/properties/precision/enum")), R"(["fp32","bf16"])");
}

TEST_F(JsonSchema, TellsComponentsApartByTheirType) {
  EXPECT_EQ(json::serialize(at("/$defs/attention/oneOf/0")),
            R"({"type":"string","enum":["bpt_cuda","reference","sdpa"]})");
  EXPECT_EQ(at("/$defs/attention/oneOf/3/$ref").as_string(), "#/$defs/attention.sdpa");
  EXPECT_EQ(at("/$defs/attention.sdpa/properties/type/const").as_string(), "sdpa");
  EXPECT_EQ(json::serialize(at("/$defs/dataset.text/required")), R"(["path"])");
  EXPECT_EQ(json::serialize(at("/$defs/dataset/oneOf/1/required")), R"(["type"])");
  EXPECT_EQ(at("/$defs/model.llama/properties/attention/anyOf/1/$ref").as_string(), "#/$defs/attention.sdpa");
}

TEST_F(JsonSchema, CarriesMeaningBoundsAndDefaults) {
  EXPECT_EQ(json::serialize(at("/$defs/schedule.warmup_cosine/properties/peak")),
            R"({"type":"number","exclusiveMinimum":0E0,"description":"highest rate","default":1E-3})");
  EXPECT_EQ(at("/$defs/dataset.text/properties/sequence_length/description").as_string(),
            "of a row (tokens)");
  EXPECT_EQ(at("/$defs/model.llama/properties/rope_scaling/properties/kind/enum/2").as_string(), "llama3");
}

TEST_F(JsonSchema, KnowsTheHostsOwnKeys) {
  EXPECT_TRUE(at("/$defs/checkpoint.safetensors/properties").as_object().contains("keep_last"));
  EXPECT_TRUE(at("/$defs/stage.train/properties").as_object().contains("name"));
  EXPECT_TRUE(at("/$defs/stage.train/properties/dataset/properties").as_object().contains("validation"));
  EXPECT_EQ(at("/$defs/stage.train/properties/model/anyOf/0/type").as_string(), "string");
  EXPECT_EQ(json::serialize(at("/$defs/stage.train/properties/model/anyOf/1/required")), R"(["from"])");
  EXPECT_EQ(json::serialize(at("/$defs/model.llama/properties/preset/enum")), R"(["llama2_7b","llama3_8b"])");
  EXPECT_EQ(json::serialize(at("/$defs/model.llama/required")), "[]");  // a preset may give them
}

TEST_F(JsonSchema, HasADefinitionForEveryReference) {
  std::size_t references = 0;
  const auto visit = [&](const auto& self, const json::value& value) -> void {
    if (const auto* array = value.if_array()) {
      for (const json::value& item : *array) self(self, item);
    }
    if (const auto* object = value.if_object()) {
      for (const auto& [key, item] : *object) {
        if (key == "$ref") {
          ++references;
          const std::string name(item.as_string().subview(std::string_view("#/$defs/").size()));
          EXPECT_TRUE(schema_.at("$defs").as_object().contains(name)) << name;
        }
        self(self, item);
      }
    }
  };
  visit(visit, schema_);
  EXPECT_GT(references, 20U);
}

}  // namespace
}  // namespace easylm
