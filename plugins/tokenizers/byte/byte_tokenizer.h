// One id for each byte: any text, any binary, nothing unknown, nothing lost.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "easylm/host.h"
#include "easylm/schema.h"
#include "easylm/tokenizer.h"

namespace easylm::tokenizers {

// Ids 0 to 255 are the bytes. With special tokens, 256 is <|bos|> and 257 is <|eos|>.
class ByteTokenizer final : public Tokenizer {
 public:
  struct Config {
    bool special_tokens = true;

    static void describe(Schema<Config>& s) {
      s.field("special_tokens", &Config::special_tokens,
              "add <|bos|> (256) and <|eos|> (257) to the 256 byte ids");
      s.fact("vocabulary_size", "special_tokens ? 258 : 256");
    }
  };

  ByteTokenizer(Host& host, const Config& config);

  std::int64_t vocabulary_size() const override;
  void encode(std::string_view text, std::vector<TokenId>& ids) const override;
  std::string token_bytes(TokenId id) const override;
  std::string decode(std::span<const TokenId> ids) const override;
  const SpecialTokens& special() const override { return special_; }
  std::vector<NamedFile> files() const override;
  std::string fingerprint() const override;

 private:
  SpecialTokens special_;
};

}  // namespace easylm::tokenizers
