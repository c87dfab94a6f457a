// What tokenizer/bpe reads from files, and what it refuses.
#include "bpe_fixture.h"

#include <filesystem>

#include "support/fake_host.h"
#include "support/temporary_folder.h"

namespace easylm::tokenizers::bpe {
namespace {

void expect_error(const std::string& json, ErrorCode code, const std::string& part) {
  try {
    tokenizer_of(json);
    ADD_FAILURE() << "accepted: " << json;
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), code) << error.message();
    EXPECT_NE(error.message().find(part), std::string::npos) << error.message();
    EXPECT_NE(error.message().find("test.json"), std::string::npos) << error.message();
  }
}

TEST(BpeFile, ReadsMergesInBothForms) {
  SmallFile file;
  EXPECT_EQ(ids_of(*tokenizer_of(file.text()), "abcab"), (std::vector<TokenId>{4, 3}));
  file.merges = R"(["#version: 0.2", "a b", "ab c"])";
  EXPECT_EQ(ids_of(*tokenizer_of(file.text()), "abcab"), (std::vector<TokenId>{4, 3}));
}

TEST(BpeFile, NamesWhatItDoesNotSupport) {
  const auto with_rest = [](const std::string& rest) { return SmallFile{.rest = rest}.text(); };
  const auto with_model = [](const std::string& model) { return SmallFile{.model = model}.text(); };
  expect_error(with_model(R"("type": "WordPiece")"), ErrorCode::unsupported, "WordPiece");
  expect_error(with_model(R"("type": "BPE", "dropout": 0.1)"), ErrorCode::unsupported, "dropout");
  expect_error(with_model(R"("continuing_subword_prefix": "##")"), ErrorCode::unsupported,
               "continuing_subword");
  expect_error(with_model(R"("novelty": 1)"), ErrorCode::unsupported, "novelty");
  expect_error(with_rest(R"("normalizer": {"type": "Nmt"})"), ErrorCode::unsupported, "Nmt");
  expect_error(with_rest(R"("pre_tokenizer": {"type": "UnicodeScripts"})"), ErrorCode::unsupported,
               "UnicodeScripts");
  expect_error(with_rest(R"("decoder": {"type": "CTC"})"), ErrorCode::unsupported, "CTC");
  expect_error(with_rest(R"("post_processor": {"type": "BertProcessing"})"), ErrorCode::unsupported,
               "BertProcessing");
  expect_error(with_rest(R"("surprise": 1)"), ErrorCode::unsupported, "surprise");
  std::string truncating = SmallFile{}.text();
  truncating.replace(truncating.find("null"), 4, R"({"max_length": 5})");
  expect_error(truncating, ErrorCode::unsupported, "truncation");
}

TEST(BpeFile, RefusesDamage) {
  const auto corrupt = [](const SmallFile& file, const std::string& part) {
    expect_error(file.text(), ErrorCode::corrupt, part);
  };
  corrupt({.vocab = R"({"a": 0, "b": 2})", .merges = "[]"}, "'b'");
  corrupt({.vocab = R"({"a": 0, "b": 0})", .merges = "[]"}, "same id");
  corrupt({.vocab = R"({"a": 0, "a": 1})", .merges = "[]"}, "twice");
  corrupt({.vocab = R"({"a": -1})", .merges = "[]"}, "-1");
  corrupt({.vocab = R"({"a": 4294967296})", .merges = "[]"}, "4294967296");
  corrupt({.vocab = R"(["a"])"}, "vocab");
  corrupt({.vocab = R"({"a": [0]})"}, "wrong type");
  corrupt({.merges = R"([["a", "c"]])"}, "'a' and 'c'");
  corrupt({.merges = R"([["a", "b", "c"]])"}, "merge");
  corrupt({.merges = R"(["a b c"])"}, "merge");
  corrupt({.added = R"([{"id": 9, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false,
                         "normalized": false, "special": true}])"},
          "9 where 5");
  corrupt({.added = R"([{"id": 5}])"}, "content");
  expect_error("{}", ErrorCode::corrupt, "no model");
  expect_error("[]", ErrorCode::corrupt, "");
  expect_error(R"({"model": {}, "model": {}})", ErrorCode::corrupt, "twice");
}

TEST(BpeFile, RefusesPatternsThatOnlyOnigurumaReads) {
  const auto split = [](const std::string& pattern) {
    return SmallFile{.rest = R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": ")" + pattern +
                             R"("}, "behavior": "Isolated", "invert": false})"}
        .text();
  };
  tokenizer_of(split("[a-c]+?"));
  for (const char* pattern : {"[a-c&&b]", "[a[bc]]", "(?m:a)", "a{1,2}+", "\\\\K", "(a"}) {
    expect_error(split(pattern), ErrorCode::unsupported, "pattern");
  }
}

// Backtracking without a limit would take longer than the universe has.
TEST(BpeFile, LetsNoPatternHang) {
  const SmallFile file{.rest = R"("pre_tokenizer": {"type": "Split", "pattern": {"Regex": "(a|aa)+[de]"},
                                  "behavior": "Removed", "invert": false})"};
  const auto tokenizer = tokenizer_of(file.text());
  EXPECT_THROW(ids_of(*tokenizer, std::string(500, 'a')), Error);
}

TEST(BpeFile, TakesSpecialTokensFromTheFilesBesideIt) {
  const testing::TemporaryFolder folder;
  const auto write = [&](const std::string& name, const std::string& text) {
    std::ofstream(folder.path() / name) << text;
  };
  write("tokenizer.json", SmallFile{}.text());
  write("tokenizer_config.json", R"({"bos_token": {"content": "a", "lstrip": false}, "eos_token": "b"})");
  write("special_tokens_map.json", R"({"eos_token": "c", "pad_token": "c"})");
  write("generation_config.json", R"({"eos_token_id": [1, 4]})");
  testing::FakeHost host;
  const BpeTokenizer tokenizer(host, {{folder.path().string()}});
  EXPECT_EQ(tokenizer.special().bos, 0);
  EXPECT_EQ(tokenizer.special().eos, 1);
  EXPECT_EQ(tokenizer.special().pad, 2);
  EXPECT_EQ(tokenizer.special().stop, (std::vector<TokenId>{1, 4}));
  EXPECT_EQ(tokenizer.files().size(), 4U);
  write("generation_config.json", R"({"eos_token_id": 5})");
  EXPECT_THROW(BpeTokenizer(host, {{folder.path().string()}}), Error);
  write("generation_config.json", "{}");
  write("tokenizer_config.json", R"({"eos_token": "nobody"})");
  EXPECT_THROW(BpeTokenizer(host, {{folder.path().string()}}), Error);
}

TEST(BpeFile, SaysThatThereIsNoTokenizerJson) {
  try {
    BpeTokenizer({{"tokenizer.model", "x"}}, "folder");
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::not_found);
  }
}

TEST(BpeFile, ChangesItsFingerprintWithTheIds) {
  const std::string before = tokenizer_of(SmallFile{}.text())->fingerprint();
  EXPECT_EQ(tokenizer_of(SmallFile{.rest = R"("decoder": {"type": "Fuse"})"}.text())->fingerprint(), before);
  EXPECT_NE(tokenizer_of(SmallFile{.merges = R"([["a", "b"]])"}.text())->fingerprint(), before);
  EXPECT_NE(tokenizer_of(SmallFile{.rest = R"("normalizer": {"type": "NFC"})"}.text())->fingerprint(),
            before);
}

TEST(BpeFile, RefusesUnknownIds) {
  const auto tokenizer = tokenizer_of(SmallFile{}.text());
  for (const TokenId id : {-1, 5}) {
    EXPECT_THROW(tokenizer->token_bytes(id), Error);
    EXPECT_THROW(tokenizer->decode(std::span(&id, 1)), Error);
  }
}

}  // namespace
}  // namespace easylm::tokenizers::bpe
