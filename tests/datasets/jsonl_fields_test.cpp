// The field language: against the oracle's vectors, and what it refuses.
#include <sstream>

#include "easylm/json.h"
#include "jsonl/json_example.h"
#include "jsonl_fixture.h"
#include "support/paths.h"

namespace easylm::datasets {
namespace {

Table read_vectors() {
  std::stringstream text;
  text << std::ifstream(testing::source_folder() / "tests/fixtures/vectors/easylm_fields.json").rdbuf();
  return parse_json_object(text.str(), "easylm_fields.json");
}

void set_options(const Table& table, EncoderOptions& options) {
  const auto read = [&](const char* key, auto& into) {
    using T = std::remove_reference_t<decltype(into)>;
    if (const Value* value = table.find(key)) into = *value->as<T>();
  };
  read("fields", options.fields);
  read("fields_from_example", options.fields_from_example);
  read("subfield_separator", options.subfield_separator);
  read("prepend_text", options.prepend_text);
  read("base64_token_dtype", options.base64_token_dtype);
  read("add_bos_token", options.add_bos_token);
  read("add_eos_token", options.add_eos_token);
}

template <typename T>
std::vector<T> numbers(const Value& list) {
  std::vector<T> result;
  for (const Value& value : *list.as<List>()) result.push_back(static_cast<T>(*value.as<std::int64_t>()));
  return result;
}

class FieldsTest : public JsonlTest {
 protected:
  Document encode(const EncoderOptions& options, const std::string& line) {
    const ExampleEncoder encoder(options, tokenizer_, "dataset jsonl");
    Example example;
    read_json_example(line, encoder, example);
    Document document;
    encoder.encode(example, document);
    return document;
  }
  std::string refusal(const EncoderOptions& options) {
    const Error error = failure([&] { ExampleEncoder(options, tokenizer_, "dataset jsonl"); });
    EXPECT_EQ(error.code(), ErrorCode::invalid_config);
    EXPECT_TRUE(error.message().starts_with("dataset jsonl: ")) << error.message();
    return error.message();
  }
  std::string complaint(const EncoderOptions& options, const std::string& line) {
    const Error error = failure([&] { encode(options, line); });
    EXPECT_EQ(error.code(), ErrorCode::corrupt);
    return error.message();
  }
};

TEST_F(FieldsTest, GiveTheTokensAndMasksThatTheOracleGives) {
  const Table vectors = read_vectors();
  const List& cases = *vectors.find("fields")->as<List>();
  ASSERT_GT(cases.size(), 20U);
  for (const Value& value : cases) {
    const Table& test = *value.as<Table>();
    EncoderOptions options;
    set_options(*test.find("options")->as<Table>(), options);
    const Document document = encode(options, *test.find("line")->as<std::string>());
    const std::string what = options.fields + options.fields_from_example;
    EXPECT_EQ(document.tokens, numbers<TokenId>(*test.find("tokens"))) << what;
    EXPECT_EQ(document.mask, numbers<float>(*test.find("mask"))) << what;
  }
}

TEST_F(FieldsTest, GiveTheBatchesThatTheOracleGives) {
  const Table vectors = read_vectors();
  for (const Value& value : *vectors.find("streams")->as<List>()) {
    const Table& test = *value.as<Table>();
    std::string lines;
    for (const Value& line : *test.find("lines")->as<List>()) lines += *line.as<std::string>() + "\n";
    write("a.jsonl", lines);
    auto config =
        this->config(*test.find("length")->as<std::int64_t>(), *test.find("batch_size")->as<std::int64_t>());
    set_options(*test.find("options")->as<Table>(), config);
    config.always_start_with_bos = *test.find("always_start_with_bos")->as<bool>();
    config.untrained_rows = "allow";
    const auto dataset = open(config);
    for (const Value& batch : *test.find("batches")->as<List>()) {
      const Table& expected = *batch.as<Table>();
      const auto rows = next_rows(*dataset);
      for (std::size_t r = 0; r < rows.size(); ++r) {
        const auto row = [&](const char* key) { return (*expected.find(key)->as<List>())[r]; };
        EXPECT_EQ(rows[r].inputs, numbers<std::int32_t>(row("inputs")));
        EXPECT_EQ(rows[r].targets, numbers<std::int32_t>(row("targets")));
        EXPECT_EQ(rows[r].mask, numbers<float>(row("mask")));
        EXPECT_TRUE(rows[r].segments.empty());
      }
    }
  }
}

TEST_F(FieldsTest, AnInstructionHasLossOnItsAnswerAndItsEndOnly) {
  const auto document = encode({.fields = "[q],a"}, R"({"q": "2+2=", "a": "4"})");
  EXPECT_EQ(document.tokens, (std::vector<TokenId>{256, '2', '+', '2', '=', '4', 257}));
  EXPECT_EQ(document.mask, (std::vector<float>{0, 0, 0, 0, 0, 1, 1}));
}

TEST_F(FieldsTest, RefusesListsThatMeanNothing) {
  EXPECT_NE(refusal({}).find("neither fields nor fields_from_example"), std::string::npos);
  EXPECT_NE(refusal({.fields = "a", .fields_from_example = "b"}).find("both"), std::string::npos);
  for (const char* list : {"a,,b", ",a", "a,", "a++b", "+a", "[]", "{}", "[a+]"}) {
    EXPECT_NE(refusal({.fields = list}).find("no name"), std::string::npos) << list;
  }
  for (const char* list : {"[a,b]", "a]", "{a", "[{a]}", "<|bos", "a|>"}) {
    EXPECT_NE(refusal({.fields = list}).find("brackets"), std::string::npos) << list;
  }
  for (const char* list : {"<|pad|>", "<||>", "<|1x|>", "<| 1|>", "<|99999999999999999999|>"}) {
    EXPECT_NE(refusal({.fields = list}).find("there is no token <|"), std::string::npos) << list;
  }
  for (const char* list : {"<|258|>", "<|-1|>"}) {
    EXPECT_NE(refusal({.fields = list}).find("outside of the tokenizer's vocabulary of 258"),
              std::string::npos);
  }
  EXPECT_NE(refusal({.fields = "<|1|>,a", .prepend_text = "x"}).find("prepend_text"), std::string::npos);
}

TEST_F(FieldsTest, RefusesMarksThatTheTokenizerDoesNotHave) {
  tokenizer_ = plain_tokenizer_;
  EXPECT_NE(refusal({.fields = "a"}).find("no begin token"), std::string::npos);
  EXPECT_NE(refusal({.fields = "a", .add_bos_token = false}).find("no end token"), std::string::npos);
  const EncoderOptions bare{.fields = "<|eos|>", .add_bos_token = false, .add_eos_token = false};
  EXPECT_NE(refusal(bare).find("<|eos|>"), std::string::npos);
}

TEST_F(FieldsTest, SayWhatIsWrongWithAnExample) {
  const EncoderOptions plain{.fields = "a"};
  EXPECT_EQ(complaint(plain, R"({"b": "x"})"), "there is no field 'a'");
  EXPECT_EQ(complaint(plain, R"({"a": 5})"), "the field 'a' is a number, not a text");
  EXPECT_EQ(complaint(plain, R"({"a": null})"), "the field 'a' is null, not a text");
  EXPECT_EQ(complaint(plain, R"({"a": ["x"]})"), "the field 'a' is a list, not a text");
  EXPECT_EQ(complaint(plain, R"({"a": {"a": "x"}})"), "the field 'a' is an object, not a text");
  EXPECT_EQ(complaint(plain, R"({"a": "x", "a": "y"})"), "the field 'a' is there twice");
  EXPECT_EQ(complaint(plain, R"(["a"])"), "the line is a list, not an object");
  EXPECT_EQ(complaint(plain, R"("a")"), "the line is a text, not an object");
  EXPECT_TRUE(complaint(plain, R"({"a": "x"} {})").starts_with("the line is not valid JSON"));
  EXPECT_TRUE(complaint(plain, "{\"a\": \"\xFF\"}").starts_with("the line is not valid JSON"));
  const EncoderOptions own{.fields_from_example = "f"};
  EXPECT_NE(complaint(own, R"({"a": "x", "f": "[a"})").find("brackets"), std::string::npos);
  EXPECT_NE(complaint(own, R"({"a": "x", "f": "b"})").find("no field 'b'"), std::string::npos);
  EXPECT_NE(complaint(own, R"({"a": "x", "f": "<|300|>"})").find("vocabulary"), std::string::npos);
}

TEST_F(FieldsTest, RefusesRawTokensThatAreNone) {
  const EncoderOptions raw{.fields = "{a}"};
  for (const char* text : {"AQ", "AQ=", "AQ===", "A", "AQ==AQ==", "A*==", "AR==", "AAAA AAA", "\\nAQ=="}) {
    EXPECT_NE(complaint(raw, std::string(R"({"a": ")") + text + "\"}").find("not base64"), std::string::npos)
        << text;
  }
  EXPECT_NE(complaint(raw, R"({"a": "AQ=="})").find("no whole number of i4"), std::string::npos);
  EXPECT_NE(complaint(raw, R"({"a": "AgEAAA=="})").find("token 258, outside"), std::string::npos);
  EXPECT_NE(complaint(raw, R"({"a": "/////w=="})").find("token -1, outside"), std::string::npos);
  const EncoderOptions wide{.fields = "{a}", .base64_token_dtype = "u8"};
  EXPECT_NE(complaint(wide, R"({"a": "//////////8="})").find("outside"), std::string::npos);
}

TEST_F(FieldsTest, PassOverWhatNobodyReads) {
  const auto document =
      encode({.fields = "a"}, R"({"x": [null, {"a": "no"}], "a": "y", "z": {"a": 1}, "x": 2})");
  EXPECT_EQ(document.tokens, (std::vector<TokenId>{256, 'y', 257}));
}

}  // namespace
}  // namespace easylm::datasets
