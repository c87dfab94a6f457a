// Bytes as tokens, and one that ends a text. Replace encode(), token_bytes() and the vocabulary by your own.
#include "easylm/sdk/plugin.h"
#include "easylm/tokenizer.h"
using namespace easylm;

struct @Name@ : Tokenizer {
  struct Config {
    static void describe(Schema<Config>&) {}
  };
  @Name@(Host&, const Config&) {}

  std::int64_t vocabulary_size() const override { return 257; }
  void encode(std::string_view text, std::vector<TokenId>& ids) const override {
    for (const char c : text) ids.push_back(static_cast<unsigned char>(c));
  }
  std::string token_bytes(TokenId id) const override {
    if (id == 256) return "<end>";
    if (id < 0 || id > 256) throw Error(ErrorCode::not_found, "@name@ has no token " + std::to_string(id));
    return {static_cast<char>(id)};
  }
  std::string decode(std::span<const TokenId> ids) const override {
    std::string text;
    for (const TokenId id : ids) text += id == 256 ? "" : token_bytes(id);
    return text;
  }
  const SpecialTokens& special() const override { return special_; }
  std::vector<NamedFile> files() const override { return {}; }
  std::string fingerprint() const override { return "@name@ 1"; }

  SpecialTokens special_{.eos = 256, .stop = {256}};
};

EASYLM_PLUGIN("@name@", "0.1.0") { registrar.component<@Name@>("@name@", "Bytes as tokens."); }
