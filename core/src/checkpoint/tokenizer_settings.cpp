// Reads Hugging Face's descriptions of special tokens.
#include "easylm/tokenizer_settings.h"

#include <algorithm>
#include <charconv>
#include <limits>
#include <set>

#include "easylm/error.h"
#include "easylm/json.h"

namespace easylm {
namespace {

constexpr const char* kConfig = "tokenizer_config.json";

[[noreturn]] void fail(const std::string& where, const std::string& what) {
  throw Error(ErrorCode::corrupt, where + " " + what, "save the tokenizer again");
}

TokenId id_of(const Value& value, const std::string& where) {
  const auto* id = value.as<std::int64_t>();
  if (id == nullptr || *id < 0 || *id > std::numeric_limits<TokenId>::max()) fail(where, "is no token id");
  return static_cast<TokenId>(*id);
}

class SettingsReader {
 public:
  explicit SettingsReader(std::span<const NamedFile> files) : files_(files) {}

  TokenizerSettings read() {
    read_names("special_tokens_map.json");
    read_names(kConfig);
    read_config();
    read_added_tokens();
    read_generation();
    check_added();
    return std::move(settings_);
  }

 private:
  std::optional<Table> table(const char* name) const {
    const std::string* bytes = find_file(files_, name);
    return bytes == nullptr ? std::nullopt : std::optional(parse_json_object(*bytes, name));
  }

  // A name is a string, or a table with one in `content`.
  static std::optional<std::string> name_in(const Table& table, const char* key, const std::string& file) {
    const Value* value = table.find(key);
    if (value == nullptr) return std::nullopt;
    if (const auto* inner = value->as<Table>()) value = inner->find("content");
    const auto* name = value == nullptr ? nullptr : value->as<std::string>();
    if (name == nullptr || name->empty()) fail(file + ": " + key, "is no name of a token");
    return *name;
  }

  static bool flag_in(const Table& table, const char* key, const std::string& where) {
    const Value* value = table.find(key);
    if (value == nullptr) return false;
    const auto* flag = value->as<bool>();
    if (flag == nullptr) fail(where + ": " + key, "is neither true nor false");
    return *flag;
  }

  void read_names(const char* file) {
    const std::optional<Table> names = table(file);
    if (!names) return;
    const auto take = [&](std::optional<std::string>& into, const char* key) {
      if (auto name = name_in(*names, key, file)) into = std::move(name);
    };
    take(settings_.bos, "bos_token");
    take(settings_.eos, "eos_token");
    take(settings_.pad, "pad_token");
  }

  void read_config() {
    const std::optional<Table> config = table(kConfig);
    if (!config) return;
    const auto take = [&](std::optional<bool>& into, const char* key) {
      if (config->find(key) != nullptr) into = flag_in(*config, key, kConfig);
    };
    take(settings_.add_bos, "add_bos_token");
    take(settings_.add_eos, "add_eos_token");
    take(settings_.legacy, "legacy");
    const Value* decoder = config->find("added_tokens_decoder");
    if (decoder == nullptr) return;
    const auto* tokens = decoder->as<Table>();
    if (tokens == nullptr) fail(std::string(kConfig) + ": added_tokens_decoder", "is no table");
    for (const Setting& token : tokens->settings) add_token(token);
  }

  void add_token(const Setting& setting) {
    const std::string where = std::string(kConfig) + ": added token " + setting.key;
    AddedToken token;
    const char* end = setting.key.data() + setting.key.size();
    const auto [stop, problem] = std::from_chars(setting.key.data(), end, token.id);
    if (problem != std::errc() || stop != end || token.id < 0) fail(where, "has no token id");
    const auto* table = setting.value.as<Table>();
    const Value* content = table == nullptr ? nullptr : table->find("content");
    const auto* text = content == nullptr ? nullptr : content->as<std::string>();
    if (text == nullptr || text->empty()) fail(where, "has no text");
    token.text = *text;
    token.special = flag_in(*table, "special", where);
    token.strips_left = flag_in(*table, "lstrip", where);
    token.strips_right = flag_in(*table, "rstrip", where);
    settings_.added.push_back(std::move(token));
  }

  // The older way: a table of names and ids. What tokenizer_config.json tells is told better there.
  void read_added_tokens() {
    const std::optional<Table> tokens = table("added_tokens.json");
    if (!tokens) return;
    std::set<std::string> known;
    for (const AddedToken& token : settings_.added) known.insert(token.text);
    for (const Setting& setting : tokens->settings) {
      if (setting.key.empty()) fail("added_tokens.json", "has a token without text");
      if (known.contains(setting.key)) continue;
      AddedToken token;
      token.id = id_of(setting.value, "added_tokens.json: " + setting.key);
      token.text = setting.key;
      token.special = true;
      settings_.added.push_back(std::move(token));
    }
  }

  void read_generation() {
    const std::optional<Table> generation = table("generation_config.json");
    const Value* stop = generation ? generation->find("eos_token_id") : nullptr;
    if (stop == nullptr) return;
    const std::string where = "generation_config.json: eos_token_id";
    if (const auto* list = stop->as<List>()) {
      for (const Value& id : *list) settings_.stop.push_back(id_of(id, where));
    } else {
      settings_.stop.push_back(id_of(*stop, where));
    }
  }

  void check_added() {
    std::ranges::sort(settings_.added, {}, &AddedToken::id);
    std::set<std::string_view> texts;
    const AddedToken* last = nullptr;
    for (const AddedToken& token : settings_.added) {
      if (!texts.insert(token.text).second) fail("added token '" + token.text + "'", "is there twice");
      if (last != nullptr && last->id == token.id) {
        fail("added tokens '" + last->text + "' and '" + token.text + "'", "have the same id");
      }
      last = &token;
    }
  }

  std::span<const NamedFile> files_;
  TokenizerSettings settings_;
};

}  // namespace

TokenizerSettings read_tokenizer_settings(std::span<const NamedFile> files) {
  return SettingsReader(files).read();
}

const std::string* find_file(std::span<const NamedFile> files, std::string_view name) {
  const auto found = std::ranges::find(files, name, &NamedFile::name);
  return found == files.end() ? nullptr : &found->bytes;
}

}  // namespace easylm
