// A SentencePiece model as a tokenizer, with what the files beside it say of its special tokens.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/host.h"
#include "easylm/schema.h"
#include "easylm/tokenizer.h"
#include "easylm/tokenizer_settings.h"
#include "model_file.h"
#include "processor.h"
#include "text_parts.h"

namespace easylm::tokenizers {

// Ids are those of the sentencepiece library, for any text. Beside the pieces of the model there may be added
// tokens: those that are not special are found in every text, the special ones and the control pieces only
// when asked for. What the model calls a user-defined piece is always found: that is the library's meaning of
// it.
class SentencePieceTokenizer final : public Tokenizer, public TextEncoder {
 public:
  static constexpr std::string_view kInterface = Tokenizer::kInterface;  // not the extension's
  struct Config {
    Path path;

    static void describe(Schema<Config>& s) {
      s.field("path", &Config::path,
              "a folder with tokenizer.model, that file, or a checkpoint that holds it")
          .must_exist()
          .required();
    }
  };

  SentencePieceTokenizer(Host& host, const Config& config);

  std::int64_t vocabulary_size() const override { return vocabulary_size_; }
  void encode(std::string_view text, std::vector<TokenId>& ids) const override;
  std::string token_bytes(TokenId id) const override;
  std::string decode(std::span<const TokenId> ids) const override;
  const SpecialTokens& special() const override { return special_; }
  std::vector<NamedFile> files() const override;
  std::string fingerprint() const override;
  void* extension(std::string_view id) override;

  Encoding encode_text(std::string_view text, const EncodeOptions& options) const override;

 private:
  SentencePieceTokenizer(std::vector<NamedFile> files, const std::string& where);

  void add_control_pieces();
  void check_added(const AddedToken& token, const std::string& where) const;
  void choose_special(const std::string& where);
  TokenId id_of(const std::string& name, const std::string& where) const;
  bool is_byte(TokenId id) const;
  void require_known(TokenId id) const;
  const Processor& processor_for(std::size_t part) const;
  void encode_words(std::string_view text, const Processor& first, std::vector<TokenId>& ids) const;
  std::vector<std::string_view> stretches_of(std::string_view text) const;
  void spread_bytes(Encoding& encoding, std::size_t from) const;

  std::vector<NamedFile> files_;
  ModelFile model_;
  Processor prefixed_;  // puts a space before a text if the model says so
  Processor plain_;     // for what goes on from something before it
  TokenizerSettings settings_;
  std::map<TokenId, AddedToken> added_;  // and the control pieces
  TokenFinder always_, all_;             // tokens in any text; also the special ones
  bool cuts_at_spaces_ = false;
  std::int64_t vocabulary_size_ = 0;
  SpecialTokens special_;
};

}  // namespace easylm::tokenizers
