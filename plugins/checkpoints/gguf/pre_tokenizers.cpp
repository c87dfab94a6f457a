// The table of names and patterns. Patterns are those of the tokenizers' own files; llama.cpp spells some
// otherwise.
#include "pre_tokenizers.h"

#include <algorithm>
#include <array>
#include <utility>

#include "easylm/error.h"
#include "easylm/json.h"

namespace easylm::gguf {
namespace {

using Texts = std::span<const std::string_view>;

// Also what ByteLevel does by itself, and what Digits does.
constexpr std::string_view kWords =
    R"('s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+)";
constexpr std::string_view kDigit = R"(\p{N})";

constexpr std::array<std::string_view, 1> kGpt2Patterns = {kWords};
constexpr std::array<std::string_view, 2> kDigitPatterns = {kDigit, kWords};
constexpr std::array<std::string_view, 4> kDefaultPatterns = {R"([\p{P}\$\+<=>\^~\|]+)", kWords, R"(\p{N}+)",
                                                              "[0-9][0-9][0-9]"};
constexpr std::array<std::string_view, 1> kLlama3Patterns = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kQwen2Patterns = {
    R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N})"
    R"(| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kTekkenPatterns = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*)"
    R"(|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};
constexpr std::array<std::string_view, 1> kGpt4oPatterns = {
    R"([^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?)"
    R"(|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+)"};

constexpr std::array<std::string_view, 7> kGpt2Names = {"gpt-2", "phi-2",  "mpt",     "olmo",
                                                        "jais",  "mellum", "gigachat"};
constexpr std::array<std::string_view, 7> kDigitNames = {"smollm",    "starcoder", "refact",    "command-r",
                                                         "codeshell", "exaone",    "minerva-7b"};
constexpr std::array<std::string_view, 1> kDefaultNames = {"default"};
constexpr std::array<std::string_view, 8> kLlama3Names = {"llama-bpe", "llama3",  "llama-v3", "falcon3",
                                                          "falcon-h1", "pixtral", "midm-2.0", "lfm2"};
constexpr std::array<std::string_view, 2> kMergingLlama3Names = {"smaug-bpe", "dbrx"};
constexpr std::array<std::string_view, 7> kQwen2Names = {"qwen2",   "deepseek-r1-qwen", "megrez", "stablelm2",
                                                         "hunyuan", "solar-open",       "kormo"};
constexpr std::array<std::string_view, 1> kTekkenNames = {"tekken"};
constexpr std::array<std::string_view, 3> kGpt4oNames = {"gpt-4o", "llama4", "kanana2"};

constexpr std::array<PreTokenizer, 8> kPreTokenizers = {{{kGpt2Names, kGpt2Patterns},
                                                         {kDigitNames, kDigitPatterns},
                                                         {kDefaultNames, kDefaultPatterns},
                                                         {kLlama3Names, kLlama3Patterns, true, true},
                                                         {kMergingLlama3Names, kLlama3Patterns},
                                                         {kQwen2Names, kQwen2Patterns},
                                                         {kTekkenNames, kTekkenPatterns, true, true},
                                                         {kGpt4oNames, kGpt4oPatterns}}};

std::string byte_level_json(bool cuts_words) {
  return std::string(
             R"({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": )") +
         (cuts_words ? "true}" : "false}");
}

std::string split_json(std::string_view pattern) {
  if (pattern == kDigit) return R"({"type": "Digits", "individual_digits": true})";
  return R"({"type": "Split", "pattern": {"Regex": )" + json_quoted(pattern) +
         R"(}, "behavior": "Isolated", "invert": false})";
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::unsupported, "tokenizer.json: GGUF has no name for its pre_tokenizer, which " + what,
              "choose another format");
}

template <typename T>
T member(const Table& table, std::string_view key, T otherwise) {
  const Value* value = table.find(key);
  const T* typed = value == nullptr ? nullptr : value->as<T>();
  return typed == nullptr ? std::move(otherwise) : *typed;
}

void add_split(const Table& split, std::vector<std::string>& patterns) {
  const auto pattern = member(split, "pattern", Table());
  const auto behaviour = member(split, "behavior", std::string());
  const bool inverts = member(split, "invert", false);
  const bool keeps_matches = behaviour == "Isolated" && !inverts;
  const bool keeps_only_matches =
      behaviour == "Removed" && inverts;  // the same, as the patterns match everything
  if (pattern.find("Regex") == nullptr || !(keeps_matches || keeps_only_matches)) {
    refuse("splits in a way of its own");
  }
  patterns.push_back(member(pattern, "Regex", std::string()));
}

// Appends the patterns of one step. ByteLevel must come last.
void add_step(const Table& step, std::vector<std::string>& patterns, bool& has_bytes) {
  const auto type = member(step, "type", std::string());
  if (has_bytes) refuse("goes on after ByteLevel");
  if (type == "Split") {
    add_split(step, patterns);
  } else if (type == "Digits" && member(step, "individual_digits", false)) {
    patterns.emplace_back(kDigit);
  } else if (type == "ByteLevel") {
    if (member(step, "add_prefix_space", true)) refuse("adds a space before the text");
    if (member(step, "use_regex", true)) patterns.emplace_back(kWords);
    has_bytes = true;
  } else {
    refuse("has the step " + json_quoted(type));
  }
}

}  // namespace

const PreTokenizer* find_pre_tokenizer(std::string_view name) {
  const auto* found = std::ranges::find_if(kPreTokenizers, [&](const PreTokenizer& pre_tokenizer) {
    return std::ranges::find(pre_tokenizer.names, name) != pre_tokenizer.names.end();
  });
  return found == kPreTokenizers.end() ? nullptr : found;
}

const PreTokenizer* find_pre_tokenizer(std::span<const std::string> patterns, bool ignore_merges) {
  const auto* found = std::ranges::find_if(kPreTokenizers, [&](const PreTokenizer& pre_tokenizer) {
    return pre_tokenizer.ignore_merges == ignore_merges &&
           std::ranges::equal(pre_tokenizer.patterns, patterns);
  });
  return found == kPreTokenizers.end() ? nullptr : found;
}

std::string pre_tokenizer_json(const PreTokenizer& pre_tokenizer) {
  Texts patterns = pre_tokenizer.patterns;
  const bool cuts_words = patterns.back() == kWords;
  if (cuts_words) patterns = patterns.first(patterns.size() - 1);
  if (patterns.empty()) return byte_level_json(cuts_words);
  std::string steps;
  for (const std::string_view pattern : patterns) steps += split_json(pattern) + ", ";
  return R"({"type": "Sequence", "pretokenizers": [)" + steps + byte_level_json(cuts_words) + "]}";
}

std::vector<std::string> patterns_of(const Value& pre_tokenizer) {
  const auto* step = pre_tokenizer.as<Table>();
  if (step == nullptr) refuse("is missing");
  std::vector<std::string> patterns;
  bool has_bytes = false;
  if (member(*step, "type", std::string()) != "Sequence") {
    add_step(*step, patterns, has_bytes);
  } else {
    for (const Value& item : member(*step, "pretokenizers", List())) {
      const auto* table = item.as<Table>();
      if (table == nullptr) refuse("is damaged");
      add_step(*table, patterns, has_bytes);
    }
  }
  if (!has_bytes) refuse("has no ByteLevel");
  return patterns;
}

}  // namespace easylm::gguf
