// Tells the two kinds of tokenizer apart, and refuses what neither is.
#include "tokenizer_tokens.h"

#include <algorithm>
#include <array>
#include <unordered_map>
#include <utility>

#include "easylm/error.h"
#include "easylm/json.h"
#include "pre_tokenizers.h"
#include "sentencepiece.h"

namespace easylm::gguf {
namespace {

constexpr std::string_view kMark = "▁";

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::unsupported,
              "tokenizer.json: GGUF, as llama.cpp reads it, can't hold a tokenizer " + what,
              "choose another format");
}

[[noreturn]] void refuse_damaged(const std::string& what) {
  throw Error(ErrorCode::corrupt, "tokenizer.json: " + what, "the file is damaged: get it again");
}

const Table& table_at(const Table& table, const char* key) {
  static const Table kNone;
  const Value* value = table.find(key);
  const auto* found = value == nullptr ? nullptr : value->as<Table>();
  return found == nullptr ? kNone : *found;
}

std::string text_at(const Table& table, const char* key) {
  const Value* value = table.find(key);
  const auto* found = value == nullptr ? nullptr : value->as<std::string>();
  return found == nullptr ? "" : *found;
}

bool truth_at(const Table& table, const char* key) {
  const Value* value = table.find(key);
  const auto* found = value == nullptr ? nullptr : value->as<bool>();
  return found != nullptr && *found;
}

// The members of a list under `key`, or the table itself if its type is not "Sequence"; none for an empty
// table.
std::vector<Table> steps_of(const Table& table, const char* key) {
  if (table.settings.empty()) return {};
  if (text_at(table, "type") != "Sequence") return {table};
  std::vector<Table> steps;
  const Value* value = table.find(key);
  if (value == nullptr || value->as<List>() == nullptr)
    refuse_damaged(std::string("a sequence has no ") + key);
  for (const Value& item : *value->as<List>()) {
    if (item.as<Table>() == nullptr) refuse_damaged(std::string("an item of ") + key + " is no object");
    steps.push_back(*item.as<Table>());
  }
  return steps;
}

bool is_byte_token(std::string_view text) {
  return text.size() == 6 && text.starts_with("<0x") && text.ends_with('>');
}

void put(TokenList& list, std::string token, std::int64_t id, TokenType type) {
  const auto at = static_cast<std::size_t>(id);
  if (id < 0 || at >= list.tokens.size()) {
    throw Error(ErrorCode::unsupported,
                "tokenizer.json: token " + json_quoted(token) + " has the id " + std::to_string(id) +
                    ", and the model has " + std::to_string(list.tokens.size()),
                "give the model a vocab_size that holds every token");
  }
  if (!list.tokens[at].empty() && list.tokens[at] != token) {
    refuse_damaged("id " + std::to_string(id) + " belongs to " + json_quoted(list.tokens[at]) + " and to " +
                   json_quoted(token));
  }
  list.tokens[at] = std::move(token);
  list.types[at] = type;
}

void put_added(TokenList& list, const Table& token) {
  const std::string text = text_at(token, "content");
  const Value* id = token.find("id");
  if (text.empty() || id == nullptr || id->as<std::int64_t>() == nullptr) {
    refuse_damaged("an added token has no content or no id");
  }
  for (const char* flag : {"single_word", "lstrip", "rstrip"}) {
    if (truth_at(token, flag)) refuse("whose token " + json_quoted(text) + " has " + flag);
  }
  put(list, text, *id->as<std::int64_t>(),
      truth_at(token, "special") ? TokenType::control : TokenType::user_defined);
}

void put_all(const TokenizerJson& json, TokenList& list) {
  const Table& model = table_at(json.rest, "model");
  const bool has_bytes = truth_at(model, "byte_fallback");
  for (const auto& [token, id] : json.vocabulary) {
    put(list, token, id, has_bytes && is_byte_token(token) ? TokenType::byte : TokenType::normal);
  }
  if (const Value* added = json.rest.find("added_tokens"); added != nullptr && added->as<List>() != nullptr) {
    for (const Value& token : *added->as<List>()) {
      if (token.as<Table>() == nullptr) refuse_damaged("an added token is no object");
      put_added(list, *token.as<Table>());
    }
  }
  const std::string unknown = text_at(model, "unk_token");
  for (std::size_t i = 0; i < list.tokens.size(); ++i) {
    if (list.tokens[i].empty()) {
      list.tokens[i] = filler(i);
      list.types[i] = TokenType::unused;
    } else if (list.model == kSentencePieceModel && list.tokens[i] == unknown) {
      list.types[i] = TokenType::unknown;
    }
  }
}

void set_byte_level(const TokenizerJson& json, TokenList& list) {
  if (!table_at(json.rest, "normalizer").settings.empty()) refuse("that is byte-level and has a normalizer");
  const Value* pre_tokenizer = json.rest.find("pre_tokenizer");
  const std::vector<std::string> patterns =
      patterns_of(pre_tokenizer == nullptr ? Value{false, {}} : *pre_tokenizer);
  if (patterns.empty() && json.merges.empty()) {
    list.pre = "gpt-2";  // nothing merges, so that it doesn't matter where words end
    return;
  }
  const PreTokenizer* found =
      find_pre_tokenizer(patterns, truth_at(table_at(json.rest, "model"), "ignore_merges"));
  if (found == nullptr) refuse("that cuts words by patterns for which it has no name");
  list.pre = found->names.front();
}

// What is done to text before SentencePiece's merges: spaces become marks, and perhaps one comes first.
void set_spaces(const TokenizerJson& json, TokenList& list) {
  bool replaces = false;
  for (const Table& step : steps_of(table_at(json.rest, "normalizer"), "normalizers")) {
    const std::string type = text_at(step, "type");
    if (type == "Prepend" && text_at(step, "prepend") == kMark) {
      list.adds_space = true;
    } else if (type == "Replace" && text_at(table_at(step, "pattern"), "String") == " " &&
               text_at(step, "content") == kMark) {
      replaces = true;
    } else {
      refuse("whose normalizer has the step " + json_quoted(type));
    }
  }
  for (const Table& step : steps_of(table_at(json.rest, "pre_tokenizer"), "pretokenizers")) {
    const std::string scheme = text_at(step, "prepend_scheme");
    if (text_at(step, "type") != "Metaspace" || text_at(step, "replacement") != kMark ||
        truth_at(step, "split")) {
      refuse("with byte fallback that cuts words by " + json_quoted(text_at(step, "type")));
    }
    replaces = true;
    list.adds_space = list.adds_space || scheme == "always" || scheme == "first";
  }
  if (!replaces) refuse("with byte fallback that leaves spaces as they are");
}

void set_sentencepiece(const TokenizerJson& json, TokenList& list) {
  set_spaces(json, list);
  std::vector<Piece> pieces;
  for (std::size_t i = 0; i < list.tokens.size(); ++i) {
    pieces.push_back(
        {list.tokens[i], 0, list.types[i] == TokenType::normal || list.types[i] == TokenType::user_defined});
  }
  std::vector<Merge> merges(json.merges.begin(), json.merges.end());
  if (!find_scores(merges, pieces)) refuse("whose merges don't follow from scores of its tokens");
  for (const Piece& piece : pieces) list.scores.push_back(static_cast<float>(piece.score));
}

}  // namespace

TokenList list_tokens(const TokenizerJson& json, std::int64_t size) {
  TokenList list;
  const auto count = static_cast<std::size_t>(size);
  list.tokens.resize(count);
  list.types.assign(count, TokenType::normal);
  const bool is_sentencepiece = truth_at(table_at(json.rest, "model"), "byte_fallback");
  list.model = is_sentencepiece ? kSentencePieceModel : kByteLevelModel;
  put_all(json, list);
  if (is_sentencepiece) {
    set_sentencepiece(json, list);
  } else {
    set_byte_level(json, list);
  }
  return list;
}

std::optional<TemplateMarks> template_marks(const TokenizerJson& json) {
  for (const Table& step : steps_of(table_at(json.rest, "post_processor"), "processors")) {
    const std::string type = text_at(step, "type");
    if (type == "ByteLevel") continue;
    const Value* single = step.find("single");
    if (type != "TemplateProcessing" || single == nullptr || single->as<List>() == nullptr) {
      refuse("with the post_processor " + json_quoted(type));
    }
    TemplateMarks marks;
    bool is_after = false;
    for (const Value& item : *single->as<List>()) {
      const auto* table = item.as<Table>();
      if (table == nullptr) refuse_damaged("a template holds no objects");
      if (table->find("Sequence") != nullptr) {
        is_after = true;
        continue;
      }
      std::string& mark = is_after ? marks.after : marks.before;
      if (!mark.empty()) refuse("that puts several tokens around a text");
      mark = text_at(table_at(*table, "SpecialToken"), "id");
    }
    return marks;
  }
  return std::nullopt;
}

}  // namespace easylm::gguf
