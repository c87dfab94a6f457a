// Maps shards, checks them, and reads across them.
#include "easylm/token_shards.h"

#include <algorithm>
#include <atomic>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "data/token_manifest.h"
#include "easylm/error.h"
#include "easylm/hash.h"
#include "easylm/mapped_file.h"
#include "platform/files.h"

namespace easylm {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMostManifestBytes = std::size_t{64} << 20U;
constexpr const char* kHint = "make it again with `easylm tokenize`";

TokenManifest read_manifest(const fs::path& folder) {
  const fs::path file = folder / kTokenManifest;
  FileSystem files;
  if (!files.exists(file)) {
    throw Error(ErrorCode::not_found, "there are no token shards in " + folder.string() + ": no tokens.json",
                "name the folder that `easylm tokenize` made");
  }
  const std::string text = files.read_file(file, kMostManifestBytes);
  TokenManifest manifest = parse_token_manifest(text, file.string());
  Sha256 hash;
  hash.update(std::as_bytes(std::span(text)));
  manifest.facts.content = hash.finish();
  return manifest;
}

template <typename T>
T number_at(std::span<const std::byte> bytes, std::int64_t index) {
  T x;
  std::memcpy(&x, bytes.data() + index * static_cast<std::int64_t>(sizeof x), sizeof x);
  return x;
}

// Everything but sizes is compared when something of a shard is first asked for: terabytes need not be read
// before the first step.
class Shard {
 public:
  Shard(const fs::path& folder, std::size_t number, const TokenManifest& manifest)
      : paths_(paths_of(folder, number)),
        ids_(whole(paths_.ids, manifest.file_bytes(number, ShardPart::ids))),
        loss_(whole(paths_.loss, manifest.file_bytes(number, ShardPart::loss))),
        ends_(whole(paths_.ends, manifest.file_bytes(number, ShardPart::ends))),
        id_bytes_(manifest.id_bytes()),
        vocabulary_(manifest.facts.vocabulary_size),
        facts_(manifest.shards[number]) {}

  // Throws Error{corrupt} that names the file. [any-thread]
  void require_intact() const {
    if (is_intact_.load(std::memory_order_acquire)) return;
    const std::scoped_lock lock(checking_);  // no std::call_once: ThreadSanitizer hangs where it throws
    if (is_intact_.load(std::memory_order_relaxed)) return;
    check();
    is_intact_.store(true, std::memory_order_release);
  }

  std::int64_t tokens() const { return facts_.tokens; }
  std::int64_t documents() const { return facts_.documents; }

  TokenId id(std::int64_t i) const {
    if (id_bytes_ == 2) return number_at<std::uint16_t>(ids_.bytes(), i);
    return number_at<std::int32_t>(ids_.bytes(), i);
  }
  bool has_loss(std::int64_t i) const {
    const auto byte = std::to_integer<unsigned>(loss_.bytes()[static_cast<std::size_t>(i / 8)]);
    return ((byte >> (i % 8)) & 1U) != 0;
  }
  // Where document `i` ends, in tokens of this shard.
  std::int64_t end_of(std::int64_t i) const { return number_at<std::int64_t>(ends_.bytes(), i); }

  // The document that token `i` is of.
  std::int64_t document_of(std::int64_t i) const {
    std::int64_t low = 0, high = facts_.documents - 1;
    while (low < high) {
      const std::int64_t middle = (low + high) / 2;
      if (end_of(middle) > i) {
        high = middle;
      } else {
        low = middle + 1;
      }
    }
    return low;
  }

 private:
  struct Paths {
    fs::path ids, loss, ends;
  };

  static Paths paths_of(const fs::path& folder, std::size_t number) {
    return {folder / shard_file(number, ShardPart::ids), folder / shard_file(number, ShardPart::loss),
            folder / shard_file(number, ShardPart::ends)};
  }

  [[noreturn]] static void fail(const fs::path& file, const std::string& message) {
    throw Error(ErrorCode::corrupt, file.string() + " is damaged: " + message, kHint);
  }

  static MappedFile whole(const fs::path& path, std::int64_t wanted) {
    MappedFile file(path);
    const auto size = static_cast<std::int64_t>(file.bytes().size());
    if (size != wanted) {
      fail(path, "it has " + std::to_string(size) + " bytes, not " + std::to_string(wanted));
    }
    return file;
  }

  void check() const {
    check_sum(ids_, ShardPart::ids, paths_.ids);
    check_sum(loss_, ShardPart::loss, paths_.loss);
    check_sum(ends_, ShardPart::ends, paths_.ends);
    std::int64_t last = 0;
    for (std::int64_t i = 0; i < facts_.documents; ++i) {
      if (end_of(i) <= last) fail(paths_.ends, "its ends do not ascend");
      last = end_of(i);
    }
    if (last != facts_.tokens) fail(paths_.ends, "its last end is another");
    for (std::int64_t i = 0; i < facts_.tokens; ++i) {
      if (id(i) < 0 || id(i) >= vocabulary_) {
        fail(paths_.ids, "token " + std::to_string(i) + " is beyond the vocabulary");
      }
    }
  }

  void check_sum(const MappedFile& file, ShardPart part, const fs::path& path) const {
    if (crc32c(file.bytes()) != facts_.crc(part)) fail(path, "its checksum is another");
  }

  Paths paths_;
  MappedFile ids_, loss_, ends_;
  std::int64_t id_bytes_, vocabulary_;
  ShardFacts facts_;
  mutable std::mutex checking_;
  mutable std::atomic<bool> is_intact_ = false;
};

}  // namespace

struct TokenShards::State {
  TokenFacts facts;
  std::deque<Shard> shards;                               // they stay where they are made
  std::vector<std::int64_t> first_token, first_document;  // of each shard

  // The shard that holds token `index`.
  std::size_t shard_of(std::int64_t index) const {
    const auto after = std::ranges::upper_bound(first_token, index);
    return static_cast<std::size_t>(after - first_token.begin()) - 1;
  }

  const Shard& intact(std::size_t number) const {
    shards[number].require_intact();
    return shards[number];
  }
};

TokenShards::TokenShards(const fs::path& folder) : state_(std::make_unique<State>()) {
  const TokenManifest manifest = read_manifest(folder);
  state_->facts = manifest.facts;
  std::int64_t token = 0, document = 0;
  for (std::size_t i = 0; i < manifest.shards.size(); ++i) {
    const Shard& shard = state_->shards.emplace_back(folder, i, manifest);
    state_->first_token.push_back(std::exchange(token, token + shard.tokens()));
    state_->first_document.push_back(std::exchange(document, document + shard.documents()));
  }
}

TokenShards::~TokenShards() = default;

const TokenFacts& TokenShards::facts() const { return state_->facts; }
std::int64_t TokenShards::size() const { return state_->facts.tokens; }
std::int64_t TokenShards::target_bytes() const { return state_->facts.target_bytes; }

void TokenShards::read(std::int64_t first, std::span<TokenId> ids, std::span<float> mask) const {
  std::size_t number = state_->shard_of(first);
  std::int64_t at = first - state_->first_token[number];
  const Shard* shard = &state_->intact(number);
  for (std::size_t i = 0; i < ids.size(); ++i, ++at) {
    if (at == shard->tokens()) {
      shard = &state_->intact(++number);
      at = 0;
    }
    ids[i] = shard->id(at);
    mask[i] = shard->has_loss(at) ? 1.0F : 0.0F;
  }
}

std::string TokenShards::where(std::int64_t index) const {
  const std::size_t number = state_->shard_of(index);
  const Shard& shard = state_->intact(number);
  const std::int64_t token = index - state_->first_token[number];
  const std::int64_t document = shard.document_of(token);
  const std::int64_t begin = document == 0 ? 0 : shard.end_of(document - 1);
  return "document " + std::to_string(state_->first_document[number] + document) + ", token " +
         std::to_string(token - begin);
}

std::vector<LengthCount> TokenShards::document_lengths() const {
  std::map<std::int64_t, std::int64_t> documents;
  for (const Shard& shard : state_->shards) {
    shard.require_intact();
    std::int64_t begin = 0;
    for (std::int64_t i = 0; i < shard.documents(); ++i)
      ++documents[shard.end_of(i) - std::exchange(begin, shard.end_of(i))];
  }
  std::vector<LengthCount> lengths;
  lengths.reserve(documents.size());
  for (const auto& [length, count] : documents) lengths.push_back({length, count});
  return lengths;
}

}  // namespace easylm
