// Gathers what several small files say of one tokenizer.
#include "tokenizer_metadata.h"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "easylm/json.h"
#include "tokenizer_json.h"
#include "tokenizer_tokens.h"
#include "vocabulary.h"

namespace easylm::gguf {
namespace {

constexpr std::array<std::string_view, 9> kFiles = {
    "tokenizer.json",    "tokenizer_config.json", "special_tokens_map.json",
    "added_tokens.json", "tokenizer.model",       "vocab.json",
    "merges.txt",        "chat_template.jinja",   "generation_config.json"};

const NamedFile* find_file(std::span<const NamedFile> files, std::string_view name) {
  const auto found = std::ranges::find(files, name, &NamedFile::name);
  return found == files.end() ? nullptr : &*found;
}

Table table_in(std::span<const NamedFile> files, const char* name) {
  const NamedFile* file = find_file(files, name);
  return file == nullptr ? Table() : parse_json_object(file->bytes, name);
}

[[noreturn]] void refuse(const std::string& what) {
  throw Error(ErrorCode::unsupported, "GGUF, as llama.cpp reads it, can't hold " + what,
              "choose another format");
}

// A token's text, as it is or as the object that older files have.
std::string token_text(const Table& config, const char* key) {
  const Value* value = config.find(key);
  if (value == nullptr) return {};
  if (const auto* text = value->as<std::string>()) return *text;
  const auto* table = value->as<Table>();
  return table == nullptr ? std::string() : token_text(*table, "content");
}

std::vector<std::int64_t> ids_in(const Table& table, const char* key) {
  const Value* value = table.find(key);
  if (value == nullptr) return {};
  if (const auto* id = value->as<std::int64_t>()) return {*id};
  std::vector<std::int64_t> ids;
  if (const auto* list = value->as<List>()) {
    for (const Value& item : *list) {
      if (const auto* id = item.as<std::int64_t>()) ids.push_back(*id);
    }
  }
  return ids;
}

// The tables in which special ids are said.
struct Sources {
  const TokenList& list;
  Table tokenizer_config, generation_config;
  const Table& model_config;

  std::optional<std::int64_t> id_of(const std::string& text) const {
    const auto found = std::ranges::find(list.tokens, text);
    if (text.empty()) return std::nullopt;
    if (found == list.tokens.end()) {
      throw Error(ErrorCode::corrupt,
                  "tokenizer_config.json names the token " + json_quoted(text) +
                      ", which tokenizer.json doesn't have",
                  "get the files again, they don't belong together");
    }
    return found - list.tokens.begin();
  }

  // By the token's name, else by the id that a configuration gives first.
  std::optional<std::int64_t> find(const char* token_key, const char* id_key) const {
    if (const auto id = id_of(token_text(tokenizer_config, token_key))) return id;
    for (const Table* table : {&generation_config, &model_config}) {
      if (const auto ids = ids_in(*table, id_key); !ids.empty()) return ids.front();
    }
    return std::nullopt;
  }

  std::vector<std::int64_t> stops() const {
    std::vector<std::int64_t> ids;
    const auto add = [&](std::int64_t id) {
      if (std::ranges::find(ids, id) == ids.end()) ids.push_back(id);
    };
    if (const auto eos = find("eos_token", "eos_token_id")) add(*eos);
    for (const Table* table : {&generation_config, &model_config}) {
      for (const std::int64_t id : ids_in(*table, "eos_token_id")) add(id);
    }
    for (const std::int64_t id : ids) {
      if (id < 0 || id >= static_cast<std::int64_t>(list.tokens.size())) {
        throw Error(ErrorCode::corrupt,
                    "an eos_token_id is " + std::to_string(id) + ", and there are " +
                        std::to_string(list.tokens.size()) + " tokens",
                    "get the files again, they don't belong together");
      }
    }
    return ids;
  }
};

// llama.cpp has three places for ids that end a text, and knows some more by their text.
void add_stops(const Sources& sources, MetadataBytes& metadata) {
  std::vector<std::int64_t> ids = sources.stops();
  if (ids.empty()) return;
  metadata.add_u32(kEosKey, ids.front());
  ids.erase(ids.begin());
  const auto text = [&](std::int64_t id) -> const std::string& {
    return sources.list.tokens[static_cast<std::size_t>(id)];
  };
  const auto is_known = [&](std::int64_t id) {
    return sources.list.types[static_cast<std::size_t>(id)] == TokenType::control && is_known_stop(text(id));
  };
  std::stable_partition(ids.begin(), ids.end(), [&](std::int64_t id) { return !is_known(id); });
  bool has_eot = false, has_eom = false;
  for (const std::int64_t id : ids) {
    if (!has_eom && (text(id) == "<|eom_id|>" || (has_eot && !is_known(id)))) {
      metadata.add_u32(kEomKey, id);
      has_eom = true;
    } else if (!has_eot) {
      metadata.add_u32(kEotKey, id);
      has_eot = true;
    } else if (!is_known(id)) {
      refuse("more than three ids that end a text; " + json_quoted(text(id)) + " is one too many");
    }
  }
}

void add_templates(std::span<const NamedFile> files, const Table& tokenizer_config, MetadataBytes& metadata) {
  const NamedFile* file = find_file(files, "chat_template.jinja");
  const Value* value = tokenizer_config.find("chat_template");
  if (file != nullptr) {
    metadata.add_text(kTemplateKey, file->bytes);
  } else if (value != nullptr && value->as<std::string>() != nullptr) {
    metadata.add_text(kTemplateKey, *value->as<std::string>());
  } else if (value != nullptr && value->as<List>() != nullptr) {
    std::vector<std::string> names;
    for (const Value& item : *value->as<List>()) {
      const auto* table = item.as<Table>();
      if (table == nullptr) refuse("a chat_template that is a list of something else than objects");
      const std::string name = token_text(*table, "name"), text = token_text(*table, "template");
      if (name == "default") {
        metadata.add_text(kTemplateKey, text);
        continue;
      }
      metadata.add_text(std::string(kTemplateKey) + "." + name, text);
      names.push_back(name);
    }
    if (!names.empty()) metadata.add_texts(kTemplateNamesKey, names);
  }
}

// Whether each text begins with bos and ends with eos: by the template in tokenizer.json, else by the flags
// beside it.
void add_marks(const TokenizerJson& json, const Sources& sources, MetadataBytes& metadata) {
  const auto flag = [&](const char* key) {
    const Value* value = sources.tokenizer_config.find(key);
    const auto* truth = value == nullptr ? nullptr : value->as<bool>();
    return truth != nullptr && *truth;
  };
  const auto marks = template_marks(json);
  const auto is_added = [&](const std::string& mark, const char* token_key, const char* id_key) {
    if (mark.empty()) return false;
    if (sources.id_of(mark) != sources.find(token_key, id_key)) {
      refuse("a tokenizer that puts " + json_quoted(mark) + " around texts, which is not its " + token_key);
    }
    return true;
  };
  metadata.add_boolean(kAddBosKey,
                       marks ? is_added(marks->before, "bos_token", "bos_token_id") : flag("add_bos_token"));
  metadata.add_boolean(kAddEosKey,
                       marks ? is_added(marks->after, "eos_token", "eos_token_id") : flag("add_eos_token"));
}

void add_tokens(const TokenList& list, MetadataBytes& metadata) {
  std::vector<std::int32_t> types;
  types.reserve(list.types.size());
  for (const TokenType type : list.types) types.push_back(static_cast<std::int32_t>(type));
  metadata.add_text(kModelKey, list.model);
  metadata.add_text(kPreKey, list.model == kByteLevelModel ? list.pre : "default");
  metadata.add_texts(kTokensKey, list.tokens);
  metadata.add_i32s(kTypesKey, types);
}

void add_merges(const TokenizerJson& json, MetadataBytes& metadata) {
  std::vector<std::string> merges;
  merges.reserve(json.merges.size());
  for (const auto& [left, right] : json.merges) {
    if (left.find(' ') != std::string::npos || right.find(' ') != std::string::npos) {
      refuse("the merge of " + json_quoted(left) + " and " + json_quoted(right) +
             ", in which there is a space");
    }
    std::string merge = left;
    merge += ' ';
    merge += right;
    merges.push_back(std::move(merge));
  }
  metadata.add_texts(kMergesKey, merges);
}

}  // namespace

bool is_tokenizer_file(std::string_view name) { return std::ranges::find(kFiles, name) != kFiles.end(); }

void add_tokenizer(std::span<const NamedFile> files, const Table& config, std::int64_t vocabulary_size,
                   MetadataBytes& metadata) {
  const NamedFile* file = find_file(files, "tokenizer.json");
  if (file == nullptr) {
    if (find_file(files, "tokenizer.model") != nullptr || find_file(files, "vocab.json") != nullptr) {
      refuse("a tokenizer without tokenizer.json");
    }
    metadata.add_text(kModelKey, kNoModel);
    return;
  }
  const TokenizerJson json = read_tokenizer_json(file->bytes);
  const TokenList list = list_tokens(json, vocabulary_size);
  add_tokens(list, metadata);
  if (list.model == kByteLevelModel) {
    add_merges(json, metadata);
  } else {
    metadata.add_f32s(kScoresKey, list.scores);
    metadata.add_boolean(kAddSpaceKey, list.adds_space);
  }
  const Sources sources{list, table_in(files, "tokenizer_config.json"),
                        table_in(files, "generation_config.json"), config};
  if (const auto bos = sources.find("bos_token", "bos_token_id")) metadata.add_u32(kBosKey, *bos);
  if (const auto pad = sources.find("pad_token", "pad_token_id")) metadata.add_u32(kPadKey, *pad);
  if (const auto unknown = sources.id_of(token_text(sources.tokenizer_config, "unk_token"))) {
    metadata.add_u32(kUnknownKey, *unknown);
  }
  add_stops(sources, metadata);
  add_marks(json, sources, metadata);
  add_templates(files, sources.tokenizer_config, metadata);
}

}  // namespace easylm::gguf
