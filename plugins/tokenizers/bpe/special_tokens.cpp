// Which tokens begin, end and pad a text.
#include "special_tokens.h"

#include <algorithm>

#include "easylm/json.h"
#include "json_members.h"

namespace easylm::tokenizers::bpe {
namespace {

Table read_table(std::span<const NamedFile> files, std::string_view name) {
  const NamedFile* file = file_named(files, name);
  return file == nullptr ? Table{} : parse_json_object(file->bytes, name);
}

// A token by its text, or a table that holds its text.
std::optional<TokenId> read_token(const Table& json, std::string_view key, const std::string& where,
                                  const FindToken& find) {
  const Value* value = json.find(key);
  if (value == nullptr) return std::nullopt;
  const auto* table = value->as<Table>();
  const auto& text = table == nullptr ? member<std::string>(json, key, where)
                                      : member<std::string>(*table, "content", where);
  const std::optional<TokenId> id = find(text);
  if (!id)
    throw_corrupt(where, "'" + std::string(key) + "' is '" + text + "', which tokenizer.json doesn't have");
  return id;
}

TokenId checked_id(const Value& value, std::int64_t num_ids) {
  const auto* id = value.as<std::int64_t>();
  if (id == nullptr || *id < 0 || *id >= num_ids) {
    throw_corrupt("generation_config.json", "an eos_token_id is no id of this tokenizer");
  }
  return static_cast<TokenId>(*id);
}

void add_stop(TokenId id, SpecialTokens& special) {
  if (std::find(special.stop.begin(), special.stop.end(), id) == special.stop.end())
    special.stop.push_back(id);
}

}  // namespace

const NamedFile* file_named(std::span<const NamedFile> files, std::string_view name) {
  const auto found =
      std::find_if(files.begin(), files.end(), [&](const NamedFile& f) { return f.name == name; });
  return found == files.end() ? nullptr : &*found;
}

SpecialTokens read_special_tokens(std::span<const NamedFile> files, const FindToken& find,
                                  std::int64_t num_ids) {
  const Table config = read_table(files, "tokenizer_config.json");
  const Table map = read_table(files, "special_tokens_map.json");
  const auto token = [&](std::string_view key) {
    const std::optional<TokenId> id = read_token(config, key, "tokenizer_config.json", find);
    return id ? id : read_token(map, key, "special_tokens_map.json", find);
  };
  SpecialTokens special{token("bos_token"), token("eos_token"), token("pad_token"), {}};
  if (special.eos) add_stop(*special.eos, special);
  const Table generation = read_table(files, "generation_config.json");
  if (const Value* eos = generation.find("eos_token_id")) {
    if (const auto* list = eos->as<List>()) {
      for (const Value& id : *list) add_stop(checked_id(id, num_ids), special);
    } else {
      add_stop(checked_id(*eos, num_ids), special);
    }
  }
  if (!special.eos && !special.stop.empty()) special.eos = special.stop.front();
  return special;
}

}  // namespace easylm::tokenizers::bpe
