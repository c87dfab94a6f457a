// Appends documents to the files of a shard.
#include <bit>
#include <cstring>
#include <optional>
#include <utility>
#include <vector>

#include "checkpoint/new_output.h"
#include "data/token_manifest.h"
#include "easylm/error.h"
#include "easylm/hash.h"
#include "easylm/output_file.h"

namespace easylm {
namespace {

static_assert(std::endian::native == std::endian::little, "the files are little-endian");

// A file that grows at its end, and the checksum of what went in.
class GrowingFile {
 public:
  explicit GrowingFile(const std::filesystem::path& path) : file_(path) {}

  template <typename T>
  void put(T x) {
    buffer_.append(reinterpret_cast<const char*>(&x), sizeof x);
    if (buffer_.size() >= kBufferBytes) flush();
  }

  std::uint32_t close() {
    flush();
    file_.close();
    return crc_;
  }

 private:
  static constexpr std::size_t kBufferBytes = std::size_t{1} << 20U;

  void flush() {
    file_.write_at(written_, buffer_);
    crc_ = crc32c(std::as_bytes(std::span(buffer_)), crc_);
    written_ += static_cast<std::int64_t>(buffer_.size());
    buffer_.clear();
  }

  OutputFile file_;
  std::string buffer_;
  std::int64_t written_ = 0;
  std::uint32_t crc_ = 0;
};

class ShardWriter {
 public:
  ShardWriter(const std::filesystem::path& folder, std::size_t number, std::int64_t id_bytes)
      : ids_(folder / shard_file(number, ShardPart::ids)),
        loss_(folder / shard_file(number, ShardPart::loss)),
        ends_(folder / shard_file(number, ShardPart::ends)),
        id_bytes_(id_bytes) {}

  void add(const Document& document) {
    for (std::size_t i = 0; i < document.tokens.size(); ++i) {
      put_id(document.tokens[i]);
      if (document.mask[i] > 0) bits_ |= 1U << (facts_.tokens % 8);
      if (++facts_.tokens % 8 == 0) loss_.put(std::exchange(bits_, std::uint8_t{0}));
    }
    ++facts_.documents;
    ends_.put(facts_.tokens);
  }

  std::int64_t tokens() const { return facts_.tokens; }

  ShardFacts close() {
    if (facts_.tokens % 8 != 0) loss_.put(bits_);
    facts_.crc(ShardPart::ids) = ids_.close();
    facts_.crc(ShardPart::loss) = loss_.close();
    facts_.crc(ShardPart::ends) = ends_.close();
    return facts_;
  }

 private:
  void put_id(TokenId id) {
    if (id_bytes_ == 2) {
      ids_.put(static_cast<std::uint16_t>(id));
    } else {
      ids_.put(id);
    }
  }

  GrowingFile ids_, loss_, ends_;
  std::int64_t id_bytes_;
  ShardFacts facts_;
  std::uint8_t bits_ = 0;  // of the last, unfinished byte of `loss`
};

}  // namespace

struct TokenShardWriter::State {
  State(const std::filesystem::path& folder, std::int64_t most)
      : output(folder, {}, files), shard_tokens(most) {}

  void close_shard() {
    manifest.shards.push_back(shard->close());
    shard.reset();
  }

  FileSystem files;
  NewOutput output;
  TokenManifest manifest;
  std::int64_t shard_tokens;
  std::optional<ShardWriter> shard;
};

TokenShardWriter::TokenShardWriter(const std::filesystem::path& folder, std::int64_t vocabulary_size,
                                   std::int64_t shard_tokens)
    : state_(std::make_unique<State>(folder, shard_tokens)) {
  // The host would take such a name for that of the one file in it.
  if (const auto kind = folder.extension();
      kind == ".json" || kind == ".ids" || kind == ".loss" || kind == ".ends") {
    throw Error(ErrorCode::invalid_config,
                "shards go into a folder, and " + folder.string() + " is a file's name",
                "take its ending away");
  }
  state_->manifest.facts.vocabulary_size = vocabulary_size;
}

TokenShardWriter::~TokenShardWriter() = default;

void TokenShardWriter::add(const Document& document) {
  EASYLM_CHECK(document.tokens.size() == document.mask.size(), "a document has a weight for each token");
  if (document.tokens.empty()) return;
  TokenFacts& facts = state_->manifest.facts;
  for (std::size_t i = 0; i < document.tokens.size(); ++i) {
    if (document.tokens[i] < 0 || document.tokens[i] >= facts.vocabulary_size) {
      throw Error(ErrorCode::invalid_config,
                  "a document holds token " + std::to_string(document.tokens[i]) +
                      ", beyond the tokenizer's vocabulary of " + std::to_string(facts.vocabulary_size),
                  "take the token out of the data, or use the tokenizer that it belongs to");
    }
    if (document.mask[i] != 0 && document.mask[i] != 1) {
      throw Error(ErrorCode::unsupported,
                  "shards hold loss weights of 0 and 1 only, and a document has another",
                  "read these data without storing them");
    }
  }
  if (!state_->shard) {
    state_->shard.emplace(state_->output.folder(), state_->manifest.shards.size(),
                          state_->manifest.id_bytes());
  }
  state_->shard->add(document);
  facts.tokens += static_cast<std::int64_t>(document.tokens.size());
  ++facts.documents;
  if (state_->shard->tokens() >= state_->shard_tokens) state_->close_shard();
}

TokenFacts TokenShardWriter::finish(TokenFacts facts) {
  TokenManifest& manifest = state_->manifest;
  if (manifest.facts.tokens < 2) {
    throw Error(ErrorCode::invalid_config,
                "the data make only " + std::to_string(manifest.facts.tokens) +
                    " token(s), and at least 2 are needed",
                "use more data");
  }
  if (state_->shard) state_->close_shard();
  manifest.facts.target_bytes = facts.target_bytes;
  manifest.facts.tokenizer = std::move(facts.tokenizer);
  manifest.facts.data = std::move(facts.data);
  state_->files.write_new_file(state_->output.folder() / kTokenManifest, manifest_text(manifest));
  state_->output.commit();
  return manifest.facts;
}

}  // namespace easylm
