// The parts of tokenizer/bpe that have a slow twin: scanners and PCRE2, merging short and long words.
#include "bpe_fixture.h"

#include <chrono>
#include <random>
#include <thread>

#include "bpe/merger.h"
#include "bpe/regex.h"
#include "bpe/word_scanner.h"

namespace easylm::tokenizers::bpe {
namespace {

const std::vector<std::string> kPatterns = {
    std::string(kGpt2Pattern),
    R"('(?:[sdmt]|ll|ve|re)| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"('(?i:[sdmt]|ll|ve|re)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)",
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};

// Few characters, so that all that follow one another in a pattern do so often.
std::string random_text(std::mt19937& random) {
  static const std::vector<std::string> kPieces = {
      " ",      " ",      "  ",         "\n",     "\r\n",   "\t",     "\u00a0", "\u3000", "\u180e",
      "\u2028", "a",      "b",          "S",      "T",      "'",      "'s",     "'LL",    "'\u017f",
      "l",      "re",     "A",          "B",      "\u01c5", "\u02b0", "\u0301", "\u0903", "\u65e5",
      "\u0627", "1",      "23",         "\u0663", "\u2167", "\u00bd", "!",      "/",      "//",
      "-",      "\u20ac", "\U0001F600", "_",      "\u200d", "\x01"};
  std::string text;
  const std::size_t count = random() % 40;
  for (std::size_t i = 0; i < count; ++i) text += kPieces[random() % kPieces.size()];
  return text;
}

std::vector<std::uint32_t> ends_of(const WordScanner& scanner, std::string_view text, std::size_t room) {
  std::vector<std::uint32_t> all;
  std::vector<std::uint32_t> ends(room);
  for (std::size_t at = 0; at < text.size(); at = all.back()) {
    const std::size_t count = scanner.scan(text, at, ends);
    all.insert(all.end(), ends.begin(), ends.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return all;
}

TEST(BpeScanner, CutsAsItsPatternDoes) {
  std::mt19937 random(1);
  for (const std::string& pattern : kPatterns) {
    const auto by_hand = make_known_scanner(pattern);
    ASSERT_NE(by_hand, nullptr) << pattern;
    const auto by_pcre2 = make_regex_scanner(std::make_shared<const Regex>(pattern, "test"));
    for (int i = 0; i < 20'000; ++i) {
      const std::string text = random_text(random);
      ASSERT_EQ(ends_of(*by_hand, text, 7), ends_of(*by_pcre2, text, 64)) << pattern << "\n" << text;
    }
  }
  EXPECT_EQ(make_known_scanner("[a-z]+"), nullptr);
}

// The rule, said as plainly as can be.
std::vector<TokenId> merged_plainly(const MergeTable& table, std::vector<TokenId> ids) {
  while (true) {
    std::size_t best = 0;
    Merge lowest;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      const Merge merge = table.find(ids[i], ids[i + 1]);
      if (merge.rank < lowest.rank) {
        lowest = merge;
        best = i;
      }
    }
    if (lowest.rank == kNoMerge) return ids;
    ids[best] = lowest.result;
    ids.erase(ids.begin() + static_cast<std::ptrdiff_t>(best) + 1);
  }
}

// Ranks in any order, not only as training makes them.
TEST(BpeMerger, FollowsTheRanksInWordsOfEveryLength) {
  std::mt19937 random(2);
  for (int round = 0; round < 300; ++round) {
    constexpr TokenId kLetters = 3;
    constexpr TokenId kTokens = 30;
    MergeTable table(kTokens);
    std::vector<std::uint32_t> ranks(kTokens);
    for (std::uint32_t i = 0; i < ranks.size(); ++i) ranks[i] = i;
    if (round % 2 == 1) std::shuffle(ranks.begin(), ranks.end(), random);
    for (TokenId id = kLetters; id < kTokens; ++id) {
      const auto earlier = static_cast<unsigned>(id);
      table.set(static_cast<TokenId>(random() % earlier), static_cast<TokenId>(random() % earlier),
                {ranks[static_cast<std::size_t>(id)], id});
    }
    Merger merger;
    for (const std::size_t size : {1U, 2U, 5U, 48U, 49U, 400U}) {
      std::vector<TokenId> ids(size);
      for (TokenId& id : ids) id = static_cast<TokenId>(random() % kLetters);
      std::vector<Symbol> symbols;
      for (const TokenId id : ids) symbols.push_back({id, 1});
      merger.merge(table, symbols);
      std::vector<TokenId> merged;
      std::uint32_t bytes = 0;
      for (const Symbol& symbol : symbols) {
        merged.push_back(symbol.id);
        bytes += symbol.size;
      }
      ASSERT_EQ(merged, merged_plainly(table, ids)) << "round " << round << " size " << size;
      ASSERT_EQ(bytes, size);
    }
  }
}

double seconds_for(const BpeTokenizer& tokenizer, const std::string& text) {
  const auto started = std::chrono::steady_clock::now();
  ids_of(tokenizer, text);
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

// Quadratic time would take hours for these.
TEST(BpeTokenizer, TakesLinearTimeForTextsThatAreOneWord) {
  std::string marks = "a";
  for (int i = 0; i < 500'000; ++i) marks += i % 2 == 0 ? "\u0323" : "\u0301";
  for (const char* name : {"gpt2", "llama3", "qwen2", "tekken", "llama2", "metaspace_first"}) {
    const auto tokenizer = family(name);
    for (const char* letter : {"a", " ", "A", "1", "!"}) {
      std::string text;
      for (int i = 0; i < 1'000'000; ++i) text += letter;
      EXPECT_LT(seconds_for(*tokenizer, text), 10) << name << " '" << letter << "'";
    }
    EXPECT_LT(seconds_for(*tokenizer, marks), 10) << name;
  }
}

TEST(BpeTokenizer, GivesTheSameIdsToManyThreads) {
  const auto tokenizer = family("smollm");
  const std::string text = "The quick brown fox 123 jumps over the lazy dog's 日本語 \xFF";
  const std::vector<TokenId> expected = ids_of(*tokenizer, text);
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int j = 0; j < 200; ++j) EXPECT_EQ(ids_of(*tokenizer, text), expected);
    });
  }
  for (std::thread& thread : threads) thread.join();
}

TEST(BpeTokenizer, GivesTheOffsetsOfBrokenBytes) {
  const auto tokenizer = family("gpt2");
  const std::string text = "a\xFF\xE2\x82 b";
  const Encoding encoding = tokenizer->encode_text(text, {});
  EXPECT_EQ(encoding.ids, ids_of(*tokenizer, "a\uFFFD\uFFFD b"));
  ASSERT_FALSE(encoding.offsets.empty());
  EXPECT_EQ(encoding.offsets.front().begin, 0);
  EXPECT_EQ(encoding.offsets.back().end, 6);
  for (const TextRange& range : encoding.offsets) EXPECT_LE(range.end - range.begin, 2);
}

TEST(BpeTokenizer, KnowsTheBytesOfItsTokens) {
  const auto bytes = family("gpt2");
  std::string joined;
  for (const TokenId id : ids_of(*bytes, "né 日\n")) joined += bytes->token_bytes(id);
  EXPECT_EQ(joined, "né 日\n");
  const auto pieces = family("llama2");
  joined.clear();
  for (const TokenId id : ids_of(*pieces, "né \u0e01\n")) joined += pieces->token_bytes(id);
  EXPECT_EQ(joined, " né \u0e01\n");
  EXPECT_EQ(pieces->token_bytes(1), "<s>");
}

}  // namespace
}  // namespace easylm::tokenizers::bpe
