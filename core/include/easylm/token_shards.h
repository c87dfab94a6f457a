// Documents as tokens on disk, written once and mapped by any number of runs. docs/formats/tokens.md has the
// bytes.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>

#include "easylm/dataset.h"
#include "easylm/export.h"
#include "easylm/window_dataset.h"

namespace easylm {

// What a folder of shards says of itself.
struct TokenFacts {
  std::int64_t tokens = 0, documents = 0;
  std::int64_t target_bytes = 0;  // of text behind all tokens but the first; 0 if unknown
  std::int64_t vocabulary_size = 0;
  std::string tokenizer;  // its fingerprint
  std::string data;       // the fingerprint of what the documents were made of
  std::string content;    // SHA-256 of the manifest, which holds the checksums of all files
};

// Writes a folder of shards, which is there whole once finish() returned, and not at all before. Holds three
// buffers of a mebibyte, however much is written.
class EASYLM_API TokenShardWriter {
 public:
  static constexpr std::int64_t kShardTokens = std::int64_t{1} << 27U;

  // A shard takes whole documents, and no further one once it holds `shard_tokens`. Throws Error if something
  // is at `folder` or it can't be written.
  TokenShardWriter(const std::filesystem::path& folder, std::int64_t vocabulary_size,
                   std::int64_t shard_tokens = kShardTokens);
  ~TokenShardWriter();

  // Empty documents are left out. Throws Error{invalid_config} for an id beyond the vocabulary and for a loss
  // weight that isn't 0 or 1, Error{io}.
  void add(const Document& document);

  // Throws Error{invalid_config} if there are fewer than two tokens, Error{io}. Of `facts` it counts tokens
  // and documents itself. Returns all facts but the content.
  TokenFacts finish(TokenFacts facts);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// The documents of all shards as one stream. Opening compares sizes; the first use of a shard reads all of it
// and compares checksums. Both throw Error{corrupt} that names the file.
class EASYLM_API TokenShards final : public TokenStream {
 public:
  // Throws Error{not_found}, too.
  explicit TokenShards(const std::filesystem::path& folder);
  ~TokenShards() override;

  const TokenFacts& facts() const;

  std::int64_t size() const override;
  void read(std::int64_t first, std::span<TokenId> ids, std::span<float> mask) const override;
  std::string where(std::int64_t index) const override;  // "document 17, token 1204"
  std::vector<LengthCount> document_lengths() const override;
  std::int64_t target_bytes() const override;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace easylm
