// tokenizer/bpe against what Hugging Face's library made of the same texts.
#include "bpe_fixture.h"

namespace easylm::tokenizers::bpe {
namespace {

std::vector<std::int64_t> numbers(const Table& table, const std::string& key) {
  std::vector<std::int64_t> out;
  for (const Value& value : *table.find(key)->as<List>()) out.push_back(*value.as<std::int64_t>());
  return out;
}

std::vector<std::int64_t> widened(const std::vector<TokenId>& ids) { return {ids.begin(), ids.end()}; }

class BpeVectors : public ::testing::TestWithParam<const char*> {};

TEST_P(BpeVectors, GivesTheIdsOffsetsAndTextOfHuggingFace) {
  const Table vectors = read_family(GetParam());
  const auto tokenizer = tokenizer_of(json_text(*vectors.find("tokenizer")->as<Table>()));
  for (const Value& value : *vectors.find("cases")->as<List>()) {
    const Table& expected = *value.as<Table>();
    const auto& text = *expected.find("text")->as<std::string>();
    const Encoding encoding = tokenizer->encode_text(text, {SpecialText::as_tokens, SpecialMarks::none});
    EXPECT_EQ(widened(encoding.ids), numbers(expected, "ids")) << text;
    std::vector<std::int64_t> offsets;
    for (const TextRange& range : encoding.offsets) {
      offsets.push_back(range.begin);
      offsets.push_back(range.end);
    }
    EXPECT_EQ(offsets, numbers(expected, "offsets")) << text;
    const Encoding marked = tokenizer->encode_text(text, {SpecialText::as_tokens, SpecialMarks::added});
    EXPECT_EQ(widened(marked.ids), numbers(expected, "marked")) << text;
    EXPECT_EQ(tokenizer->decode(marked.ids), *expected.find("decoded")->as<std::string>());
    EXPECT_EQ(widened(ids_of(*tokenizer, text)), numbers(expected, "plain")) << text;
    // Once more, from the cache.
    EXPECT_EQ(widened(ids_of(*tokenizer, text)), numbers(expected, "plain")) << text;
    const Encoding plain = tokenizer->encode_text(text, {});
    EXPECT_EQ(widened(plain.ids), numbers(expected, "plain")) << text;
  }
}

INSTANTIATE_TEST_SUITE_P(Families, BpeVectors,
                         ::testing::Values("bare", "cutters", "gpt2", "gpt2_prefix", "llama2", "llama3",
                                           "metaspace_always", "metaspace_first", "missing_letters",
                                           "missing_letters_unk", "own_pattern", "qwen2", "smollm", "tekken",
                                           "tekken_removing", "unknowns"),
                         [](const auto& instance) { return std::string(instance.param); });

}  // namespace
}  // namespace easylm::tokenizers::bpe
