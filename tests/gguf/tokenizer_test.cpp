// Tokenizers between Hugging Face's files and GGUF's metadata: both kinds there and back, and what has no
// words there.
#include <gtest/gtest.h>

#include <algorithm>

#include "easylm/error.h"
#include "gguf/cursor.h"
#include "gguf/pre_tokenizers.h"
#include "gguf/sentencepiece.h"
#include "gguf/tokenizer_files.h"
#include "gguf/tokenizer_metadata.h"
#include "gguf/vocabulary.h"
#include "vectors.h"

namespace easylm::gguf {
namespace {

constexpr std::int64_t kSize = 8;

std::string byte_level_json(const std::string& pre_tokenizer, const std::string& more = "") {
  return R"({"version": "1.0", "added_tokens": [
      {"id": 4, "content": "<|im_end|>", "special": true, "single_word": false, "lstrip": false, "rstrip": false},
      {"id": 5, "content": "<think>", "special": false}, {"id": 6, "content": "<|x|>", "special": true}],
    "normalizer": null, "pre_tokenizer": )" +
         pre_tokenizer + R"(, "decoder": {"type": "ByteLevel"}, )" + more + R"(
    "model": {"type": "BPE", "ignore_merges": false, "vocab": {"a": 0, "b": 1, "ab": 2, "aab": 3},
              "merges": ["a b", ["a", "ab"]]}})";
}

const std::string kWordsJson = R"({"type": "ByteLevel", "add_prefix_space": false, "use_regex": true})";

// The metadata of these files, and what is read back from it.
class Written {
 public:
  explicit Written(const std::vector<NamedFile>& files, std::int64_t size = kSize) {
    MetadataBytes written;
    add_tokenizer(files, Table{"llama"}, size, written);
    bytes_ = written.bytes();
    count_ = written.count();
  }
  Metadata metadata() const {
    Cursor cursor(std::as_bytes(std::span(bytes_)), "x.gguf");
    return {cursor, count_};
  }
  std::string file(const std::string& name) const {
    for (const NamedFile& file : tokenizer_files(metadata())) {
      if (file.name == name) return file.bytes;
    }
    return {};
  }

 private:
  std::string bytes_;
  std::uint64_t count_ = 0;
};

Error error_of(const std::vector<NamedFile>& files, std::int64_t size = kSize) {
  try {
    Written(files, size).file("tokenizer.json");
  } catch (const Error& error) {
    return error;
  }
  return {ErrorCode::internal, "nothing was refused"};
}

TEST(ByteLevel, ListsTokensByIdWithTheirTypes) {
  const Written written({{"tokenizer.json", byte_level_json(kWordsJson)}});
  const Metadata metadata = written.metadata();
  EXPECT_EQ(metadata.text(kModelKey), "gpt2");
  EXPECT_EQ(metadata.text(kPreKey), "gpt-2");
  EXPECT_EQ(metadata.texts(kTokensKey), (std::vector<std::string_view>{"a", "b", "ab", "aab", "<|im_end|>",
                                                                       "<think>", "<|x|>", "[PAD7]"}));
  EXPECT_EQ(metadata.integers(kTypesKey), (std::vector<std::int64_t>{1, 1, 1, 1, 3, 4, 3, 5}));
  EXPECT_EQ(metadata.texts(kMergesKey), (std::vector<std::string_view>{"a b", "a ab"}));
  EXPECT_EQ(metadata.boolean(kAddBosKey), false);
}

TEST(ByteLevel, WhatIsReadBackIsWrittenTheSameAgain) {
  const std::vector<NamedFile> files = {
      {"tokenizer.json", byte_level_json(kWordsJson)},
      {"tokenizer_config.json",
       R"({"bos_token": "<|x|>", "eos_token": {"content": "<|im_end|>"}, "add_bos_token": true})"},
      {"chat_template.jinja", "{{ messages }}\n"}};
  const Written first(files);
  const std::vector<NamedFile> read = tokenizer_files(first.metadata());
  const Written second(read);
  EXPECT_EQ(second.metadata().described(), first.metadata().described());
  EXPECT_EQ(first.metadata().text(kTemplateKey), "{{ messages }}\n");
  EXPECT_EQ(first.metadata().boolean(kAddBosKey), true);
  EXPECT_EQ(first.metadata().integer(kBosKey), 6);
  EXPECT_EQ(first.metadata().integer(kEosKey), 4);
  const Table config = parse_json_object(first.file("tokenizer_config.json"), "tokenizer_config.json");
  EXPECT_EQ(text_in(config, "chat_template"), "{{ messages }}\n");
  EXPECT_EQ(text_in(config, "eos_token"), "<|im_end|>");
}

TEST(ByteLevel, ATemplateAroundTextsSaysWhetherItBeginsWithBos) {
  const std::string post = R"("post_processor": {"type": "Sequence", "processors": [{"type": "ByteLevel"},
      {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<|x|>", "type_id": 0}},
       {"Sequence": {"id": "A", "type_id": 0}}], "pair": [], "special_tokens": {}}]},)";
  const Written written({{"tokenizer.json", byte_level_json(kWordsJson, post)},
                         {"tokenizer_config.json", R"({"bos_token": "<|x|>"})"}});
  EXPECT_EQ(written.metadata().boolean(kAddBosKey), true);
  EXPECT_EQ(written.metadata().boolean(kAddEosKey), false);
  const Error error = error_of({{"tokenizer.json", byte_level_json(kWordsJson, post)},
                                {"tokenizer_config.json", R"({"bos_token": "<|im_end|>"})"}});
  EXPECT_EQ(error.code(), ErrorCode::unsupported);
}

TEST(ByteLevel, EveryNamedWayToCutWordsGoesBothWays) {
  for (const char* name :
       {"gpt-2", "smollm", "default", "llama-bpe", "smaug-bpe", "qwen2", "tekken", "gpt-4o"}) {
    const PreTokenizer* pre_tokenizer = find_pre_tokenizer(name);
    ASSERT_NE(pre_tokenizer, nullptr) << name;
    const Value json = parse_json(pre_tokenizer_json(*pre_tokenizer), name);
    EXPECT_EQ(find_pre_tokenizer(patterns_of(json), pre_tokenizer->ignore_merges), pre_tokenizer) << name;
    EXPECT_EQ(pre_tokenizer->names.front(), name);
  }
  EXPECT_EQ(find_pre_tokenizer("nonsense"), nullptr);
}

TEST(ByteLevel, WithoutMergesItDoesNotMatterWhereWordsEnd) {
  const std::string json =
      R"({"added_tokens": [], "pre_tokenizer": {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false},
          "model": {"type": "BPE", "vocab": {"a": 0, "b": 1}, "merges": []}})";
  const Written written({{"tokenizer.json", json}}, 2);
  EXPECT_EQ(written.metadata().text(kPreKey), "gpt-2");
  EXPECT_EQ(written.metadata().texts(kMergesKey)->size(), 0U);
}

TEST(ByteLevel, EveryIdThatEndsATextFindsAPlace) {
  const auto stops = [](const std::string& ids) {
    const Written written({{"tokenizer.json", byte_level_json(kWordsJson)},
                           {"generation_config.json", R"({"eos_token_id": )" + ids + "}"}});
    const Table back = parse_json_object(written.file("generation_config.json"), "generation_config.json");
    return json_text(*back.find("eos_token_id"));
  };
  EXPECT_EQ(stops("4"), "4\n");
  EXPECT_EQ(stops("[6, 3, 4]"), "[6, 3, 4]\n");
  EXPECT_EQ(stops("[6, 3, 2, 4]"), "[6, 3, 2, 4]\n");  // the last one by its text alone
  const Error error = error_of({{"tokenizer.json", byte_level_json(kWordsJson)},
                                {"generation_config.json", R"({"eos_token_id": [6, 3, 2, 1]})"}});
  EXPECT_NE(error.message().find("more than three ids"), std::string::npos) << error.message();
}

TEST(ByteLevel, SeveralTemplatesKeepTheirNames) {
  const std::string config = R"({"chat_template": [{"name": "default", "template": "one"},
                                                   {"name": "tool_use", "template": "two"}]})";
  const Written written({{"tokenizer.json", byte_level_json(kWordsJson)}, {"tokenizer_config.json", config}});
  EXPECT_EQ(written.metadata().text("tokenizer.chat_template.tool_use"), "two");
  const Table back = parse_json_object(written.file("tokenizer_config.json"), "tokenizer_config.json");
  EXPECT_EQ(json_text(*back.find("chat_template")),
            json_text(*parse_json_object(config, "x").find("chat_template")));
}

TEST(ByteLevel, WhatGgufHasNoWordsForIsRefused) {
  const auto message = [](const std::string& json) { return error_of({{"tokenizer.json", json}}).message(); };
  const std::string odd_split =
      R"({"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "x+"},
          "behavior": "Isolated", "invert": false},
          {"type": "ByteLevel", "add_prefix_space": false, "use_regex": false}]})";
  EXPECT_NE(message(byte_level_json(odd_split)).find("patterns for which it has no name"), std::string::npos);
  EXPECT_NE(message(byte_level_json(R"({"type": "Whitespace"})")).find("\"Whitespace\""), std::string::npos);
  EXPECT_NE(message(byte_level_json(R"({"type": "ByteLevel"})")).find("adds a space"), std::string::npos);
  std::string json = byte_level_json(kWordsJson);
  json.replace(json.find(R"("normalizer": null)"), 18, R"("normalizer": {"type": "NFC"})");
  EXPECT_NE(message(json).find("has a normalizer"), std::string::npos);
  json = byte_level_json(kWordsJson);
  json.replace(json.find(R"("rstrip": false)"), 15, R"("rstrip": true)");
  EXPECT_NE(message(json).find("has rstrip"), std::string::npos);
  EXPECT_NE(message(R"({"model": {"type": "Unigram", "vocab": [["a", -1.5]]}})").find("no BPE"),
            std::string::npos);
  EXPECT_EQ(error_of({{"tokenizer.model", "x"}}).code(), ErrorCode::unsupported);
  EXPECT_EQ(error_of({{"tokenizer.json", byte_level_json(kWordsJson)}}, 6).code(), ErrorCode::unsupported);
}

TEST(ByteLevel, DamagedFilesAreRefused) {
  for (const char* json :
       {"", "[]", "{}", R"({"model": 1})", R"({"model": {"vocab": {"a": "b"}}})",
        R"({"model": {"vocab": {"a": {}}}})", R"({"model": {"vocab": {"a": [1]}}})",
        R"({"model": {"merges": ["ab"]}})", R"({"model": {"merges": [["a", "b", "c"]]}})",
        R"({"model": {"merges": [1]}})", R"({"model": {"merges": [{}]}})",
        R"({"model": {"merges": [[["a"]]]}})", R"({"model": {}, "model": {}})",
        R"({"model": {"vocab": {"a": 0, "b": 0}}})", R"({"model": {"vocab": {}}, "added_tokens": [1]})"}) {
    EXPECT_EQ(error_of({{"tokenizer.json", json}}).code(), ErrorCode::corrupt) << json;
  }
}

TEST(Vocabulary, OfNoTokenizerHasNoFiles) { EXPECT_TRUE(tokenizer_files(Written({}).metadata()).empty()); }

TEST(SentencePiece, MergesComeFromScoresBestFirstThenLongestLeft) {
  const std::vector<Piece> pieces = {{"</s>", 0, false}, {"a", -9},   {"b", -8},
                                     {"ab", -1},         {"aba", -2}, {"ba", -3}};
  EXPECT_EQ(merges_of(pieces), (std::vector<Merge>{{"a", "b"}, {"ab", "a"}, {"a", "ba"}, {"b", "a"}}));
}

TEST(SentencePiece, CutsOnlyBetweenCharacters) {
  const std::vector<Piece> pieces = {{"é", -1}, {"\xc3", -2}, {"\xa9", -3}, {"éé", -4}};
  EXPECT_EQ(merges_of(pieces), (std::vector<Merge>{{"é", "é"}}));
}

TEST(SentencePiece, ScoresThatGiveTheMergesAreFound) {
  std::vector<Piece> pieces = {{"a"}, {"b"}, {"ab"}, {"aba"}, {"ba"}};
  const std::vector<Merge> merges = {{"b", "a"}, {"a", "b"}, {"ab", "a"}, {"a", "ba"}};
  ASSERT_TRUE(find_scores(merges, pieces));
  EXPECT_GT(pieces[4].score, pieces[2].score);
  EXPECT_GT(pieces[2].score, pieces[3].score);
  EXPECT_GT(pieces[3].score, pieces[0].score);
  const std::vector<Merge> apart = {{"ab", "a"}, {"b", "a"}, {"a", "b"}, {"a", "ba"}};
  EXPECT_FALSE(find_scores(apart, pieces));
  const std::vector<Merge> missing = {{"b", "a"}, {"a", "b"}, {"ab", "a"}};
  EXPECT_FALSE(find_scores(missing, pieces));
}

const std::string kSentencePiece = R"({"added_tokens": [{"id": 0, "content": "<unk>", "special": true},
    {"id": 1, "content": "<s>", "special": true}, {"id": 2, "content": "</s>", "special": true}],
  "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"},
    {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
  "model": {"type": "BPE", "byte_fallback": true, "unk_token": "<unk>",
    "vocab": {"<unk>": 0, "<s>": 1, "</s>": 2, "<0x0A>": 3, "▁a": 4, "▁": 5, "a": 6}, "merges": ["▁ a"]}})";

TEST(SentencePiece, GoesBothWays) {
  const std::vector<NamedFile> files = {
      {"tokenizer.json", kSentencePiece},
      {"tokenizer_config.json",
       R"({"bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>", "add_bos_token": true})"}};
  const Written first(files, 7);
  const Metadata metadata = first.metadata();
  EXPECT_EQ(metadata.text(kModelKey), "llama");
  EXPECT_EQ(metadata.integers(kTypesKey), (std::vector<std::int64_t>{2, 3, 3, 6, 1, 1, 1}));
  EXPECT_EQ(metadata.boolean(kAddSpaceKey), true);
  EXPECT_EQ(metadata.reals(kScoresKey)->at(4), 0);
  const Written second(tokenizer_files(metadata), 7);
  EXPECT_EQ(second.metadata().described(), metadata.described());
}

TEST(SentencePiece, WhatGgufHasNoWordsForIsRefused) {
  std::string json = kSentencePiece;
  json.replace(json.find(R"("type": "Prepend")"), 17, R"("type": "NFKC")");
  EXPECT_NE(error_of({{"tokenizer.json", json}}, 7).message().find("\"NFKC\""), std::string::npos);
  json = kSentencePiece;
  json.replace(json.find(R"(["▁ a"])"), 9, "[]");
  EXPECT_NE(error_of({{"tokenizer.json", json}}, 7).message().find("don't follow from scores"),
            std::string::npos);
}

struct Damaged {
  const char* name;
  HandMade made;
  const char* message;
};

std::string texts(const std::vector<std::string>& items) {
  std::string bytes;
  append_number(bytes, static_cast<std::uint32_t>(ValueType::text));
  append_number<std::uint64_t>(bytes, items.size());
  for (const std::string& item : items) append_text(bytes, item);
  return bytes;
}

HandMade with_tokens(const std::string& model, const std::vector<std::string>& tokens) {
  HandMade made;
  made.text("tokenizer.ggml.model", model).value("tokenizer.ggml.tokens", ValueType::list, texts(tokens));
  return made;
}

TEST(Vocabulary, DamagedMetadataIsRefusedByKey) {
  const Damaged cases[] = {
      {"UnknownModel", with_tokens("rwkv", {"a"}), "\"rwkv\", a tokenizer that we don't know"},
      {"UnknownPre", HandMade(with_tokens("gpt2", {"a"})).text("tokenizer.ggml.pre", "deepseek-llm"),
       "\"deepseek-llm\", a tokenizer that we don't know"},
      {"NoTokens", HandMade().text("tokenizer.ggml.model", "gpt2"), "holds no tokens"},
      {"TokenTwice", with_tokens("gpt2", {"a", "b", "a"}), "holds \"a\" twice"},
      {"NoUtf8", with_tokens("gpt2", {"\xff"}), "no UTF-8"},
      {"NoScores", with_tokens("llama", {"a", "b", "c"}), "a score for each of the 3 tokens"},
      {"IdTooLarge", HandMade(with_tokens("gpt2", {"a"})).u32("tokenizer.ggml.eos_token_id", 1),
       "is 1, and there are 1 tokens"},
      {"NoMerge",
       HandMade(with_tokens("gpt2", {"a"})).value("tokenizer.ggml.merges", ValueType::list, texts({"ab"})),
       "holds \"ab\", which is not two tokens"},
      {"NoBos", HandMade(with_tokens("gpt2", {"a"})).text("tokenizer.ggml.pre", "llama-bpe"),
       "every text begins with that token"}};
  for (const Damaged& damaged : cases) {
    const std::string file = damaged.made.file();
    Cursor cursor(std::as_bytes(std::span(file)).subspan(24), "x.gguf");
    const Metadata metadata(cursor, damaged.made.num_values);
    try {
      (void)tokenizer_files(metadata);
      ADD_FAILURE() << damaged.name << " was accepted";
    } catch (const Error& error) {
      EXPECT_NE(error.code(), ErrorCode::internal);
      EXPECT_NE(error.message().find(damaged.message), std::string::npos)
          << damaged.name << ": " << error.message();
    }
  }
}

}  // namespace
}  // namespace easylm::gguf
