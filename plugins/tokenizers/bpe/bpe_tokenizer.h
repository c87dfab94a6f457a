// A tokenizer from a tokenizer.json of Hugging Face, with the ids and offsets that HF's own library gives.
#pragma once

#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "added_tokens.h"
#include "decoder.h"
#include "easylm/host.h"
#include "easylm/schema.h"
#include "easylm/tokenizer.h"
#include "model.h"
#include "normalizer.h"
#include "post_processor.h"
#include "pre_tokenizer.h"
#include "tokenizer_file.h"
#include "unicode.h"

namespace easylm::tokenizers::bpe {

class BpeTokenizer final : public Tokenizer, public TextEncoder {
 public:
  using Tokenizer::kInterface;

  struct Config {
    Path path;

    static void describe(Schema<Config>& s) {
      s.field("path", &Config::path,
              "a tokenizer.json, a folder with one, or a checkpoint file that holds one")
          .must_exist()
          .required();
    }
  };

  BpeTokenizer(Host& host, const Config& config);
  // From files in memory; `where` names them in messages.
  BpeTokenizer(std::vector<NamedFile> files, const std::string& where);

  void* extension(std::string_view id) override;
  std::int64_t vocabulary_size() const override { return added_.vocabulary_size(); }
  void encode(std::string_view text, std::vector<TokenId>& ids) const override;
  std::string token_bytes(TokenId id) const override;
  std::string decode(std::span<const TokenId> ids) const override;
  const SpecialTokens& special() const override { return special_; }
  std::vector<NamedFile> files() const override { return files_; }
  std::string fingerprint() const override;
  Encoding encode_text(std::string_view text, const EncodeOptions& options) const override;

 private:
  // One text on its way to ids.
  struct Job {
    std::string_view text;  // all of it, as UTF-8
    SpecialText special_text;
    std::vector<TokenId>& ids;
    std::vector<TextRange>* ranges;  // in `text`; null if nobody wants offsets
    std::size_t first_id;            // how many ids there were before
    Scratch& scratch;
  };

  class ScratchLoan;

  void assemble(TokenizerFile file, const std::string& where);
  void encode_clean(Job& job) const;
  void encode_plain_part(Job& job, std::uint32_t begin, std::uint32_t end) const;
  void encode_normal(Job& job, SpannedView text, std::uint32_t source_begin) const;
  void encode_words(Job& job, SpannedView text, std::uint32_t source_begin) const;
  void stream_words(Job& job, std::string_view text, std::size_t step) const;
  void encode_by_steps(Job& job, SpannedView text, std::uint32_t source_begin) const;
  void add_token(Job& job, TokenId id, SpannedView match, std::uint32_t source_begin) const;
  void add_ranges(Job& job, SpannedView text, std::uint32_t source_begin) const;
  void check_id(TokenId id) const;

  std::vector<NamedFile> files_;
  std::unique_ptr<Model> model_;
  std::unique_ptr<Normalizer> normalizer_;
  std::vector<std::unique_ptr<PreTokenizer>> steps_;
  std::vector<const WordScanner*> scanners_;  // if these and spelling bytes are all of steps_
  Letters letters_ = Letters::characters;     // bytes if so
  bool needs_spans_ = false;
  AddedTokens added_;
  PostProcessor post_processor_;
  Decoder decoder_;
  SpecialTokens special_;
  std::uint64_t fingerprint_ = 0;

  mutable std::mutex mutex_;  // guards idle_
  mutable std::vector<std::unique_ptr<Scratch>> idle_;
};

}  // namespace easylm::tokenizers::bpe
