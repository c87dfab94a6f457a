// Reads tokens and their parts.
#include "vocabulary.h"

#include <algorithm>
#include <array>
#include <unordered_set>
#include <utility>

#include "easylm/json.h"
#include "easylm/utf8.h"

namespace easylm::gguf {
namespace {

constexpr std::array<std::string_view, 9> kStops = {"<|eot_id|>",    "<|im_end|>",    "<|end|>",
                                                    "<end_of_turn>", "<|endoftext|>", "<|end_of_text|>",
                                                    "<|eom_id|>",    "<EOT>",         "</s>"};

TokenType type_of(std::int64_t number, const Metadata& metadata) {
  if (number < 1 || number > 6)
    metadata.refuse(kTypesKey, "holds the unknown type " + std::to_string(number));
  return static_cast<TokenType>(number);
}

std::optional<std::int64_t> id_of(const Metadata& metadata, std::string_view key, std::size_t count) {
  const auto id = metadata.integer(key);
  if (id && (*id < 0 || *id >= static_cast<std::int64_t>(count))) {
    metadata.refuse(key,
                    "is " + std::to_string(*id) + ", and there are " + std::to_string(count) + " tokens");
  }
  return id;
}

}  // namespace

std::string filler(std::size_t id) { return "[PAD" + std::to_string(id) + "]"; }

std::optional<Vocabulary> read_vocabulary(const Metadata& metadata) {
  const std::string_view model = metadata.text(kModelKey).value_or(kNoModel);
  if (model == kNoModel || model == "none") return std::nullopt;
  Vocabulary vocabulary{model, metadata.texts(kTokensKey).value_or(std::vector<std::string_view>()), {}};
  if (vocabulary.tokens.empty()) metadata.refuse(kTokensKey, "holds no tokens");
  std::unordered_set<std::string_view> seen;
  for (const std::string_view token : vocabulary.tokens) {
    if (!is_utf8(token)) metadata.refuse(kTokensKey, "holds a token that is no UTF-8");
    if (!seen.insert(token).second) metadata.refuse(kTokensKey, "holds " + json_quoted(token) + " twice");
  }
  if (const auto types = metadata.integers(kTypesKey)) {
    if (types->size() != vocabulary.tokens.size()) {
      metadata.refuse(kTypesKey, "has " + std::to_string(types->size()) + " items for " +
                                     std::to_string(vocabulary.tokens.size()) + " tokens");
    }
    for (const std::int64_t number : *types) vocabulary.types.push_back(type_of(number, metadata));
  } else {
    vocabulary.types.assign(vocabulary.tokens.size(), TokenType::normal);
  }
  return vocabulary;
}

bool is_known_stop(std::string_view text) { return std::ranges::find(kStops, text) != kStops.end(); }

SpecialIds special_ids(const Metadata& metadata, const Vocabulary& vocabulary) {
  const std::size_t count = vocabulary.tokens.size();
  SpecialIds ids;
  ids.bos = id_of(metadata, kBosKey, count);
  ids.eos = id_of(metadata, kEosKey, count);
  ids.pad = id_of(metadata, kPadKey, count);
  ids.unknown = id_of(metadata, kUnknownKey, count);
  if (vocabulary.model == kSentencePieceModel && count > 2) {  // what such files needn't say
    if (!ids.bos) ids.bos = 1;
    if (!ids.eos) ids.eos = 2;
    if (!ids.unknown) ids.unknown = 0;
  }
  const auto add_stop = [&](std::optional<std::int64_t> id) {
    if (id && std::ranges::find(ids.stop, *id) == ids.stop.end()) ids.stop.push_back(*id);
  };
  add_stop(ids.eos);
  add_stop(id_of(metadata, kEotKey, count));
  add_stop(id_of(metadata, kEomKey, count));
  for (std::size_t i = 0; i < count; ++i) {
    if (vocabulary.types[i] == TokenType::control && is_known_stop(vocabulary.tokens[i])) {
      add_stop(static_cast<std::int64_t>(i));
    }
  }
  return ids;
}

void set_special_ids(Table& table, const SpecialIds& ids) {
  if (ids.bos) table.set("bos_token_id", {*ids.bos, {}});
  if (ids.stop.size() == 1) {
    table.set("eos_token_id", {ids.stop.front(), {}});
  } else if (!ids.stop.empty()) {
    List list;
    for (const std::int64_t id : ids.stop) list.push_back({id, {}});
    table.set("eos_token_id", {std::move(list), {}});
  }
  if (ids.pad) table.set("pad_token_id", {*ids.pad, {}});
}

}  // namespace easylm::gguf
