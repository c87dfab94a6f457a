// Writes and reads tokens.json. Nothing in it is believed before it adds up.
#include "data/token_manifest.h"

#include <array>
#include <cstdio>
#include <limits>

#include "easylm/error.h"
#include "easylm/json.h"

namespace easylm {
namespace {

constexpr std::string_view kFormat = "easylm.tokens/1";
// So that sizes in bytes can't overflow, not even those of all shards together.
constexpr std::int64_t kMostTokens = std::int64_t{1} << 48U;
constexpr std::int64_t kMostIds = std::int64_t{1} << 31U;
constexpr std::int64_t kMostCrc = std::numeric_limits<std::uint32_t>::max();

std::string_view name_of(ShardPart part) {
  constexpr std::array<std::string_view, 3> kNames = {"ids", "loss", "ends"};
  return kNames.at(static_cast<std::size_t>(part));
}

// A table of the manifest, read with errors that name key and place.
class Reader {
 public:
  Reader(const Table& table, std::string where) : table_(table), where_(std::move(where)) {}

  std::int64_t number(std::string_view key, std::int64_t least, std::int64_t most) const {
    const auto& x = value<std::int64_t>(key, "a whole number");
    if (x >= least && x <= most) return x;
    fail("'" + std::string(key) + "' is " + std::to_string(x) + ", not within " + std::to_string(least) +
         " and " + std::to_string(most));
  }
  const std::string& text(std::string_view key) const { return value<std::string>(key, "a text"); }
  const List& list(std::string_view key) const { return value<List>(key, "a list"); }

  [[noreturn]] void fail(const std::string& message) const {
    throw Error(ErrorCode::corrupt, where_ + ": " + message, "make it again with `easylm tokenize`");
  }

 private:
  template <typename T>
  const T& value(std::string_view key, const char* what) const {
    const Value* found = table_.find(key);
    const T* typed = found == nullptr ? nullptr : found->as<T>();
    if (typed == nullptr) fail("'" + std::string(key) + "' is not there, or not " + what);
    return *typed;
  }

  const Table& table_;
  std::string where_;
};

ShardFacts read_shard(const Value& value, const std::string& where) {
  static const Table kNone;
  const Table* table = value.as<Table>();
  const Reader reader(table == nullptr ? kNone : *table, where);
  ShardFacts shard;
  shard.tokens = reader.number("tokens", 1, kMostTokens);
  shard.documents = reader.number("documents", 1, shard.tokens);
  for (const ShardPart part : kShardParts) {
    const std::string key = "crc32c_" + std::string(name_of(part));
    shard.crc(part) = static_cast<std::uint32_t>(reader.number(key, 0, kMostCrc));
  }
  return shard;
}

}  // namespace

std::int64_t TokenManifest::file_bytes(std::size_t shard, ShardPart part) const {
  const ShardFacts& facts_of_shard = shards.at(shard);
  switch (part) {
    case ShardPart::ids:
      return facts_of_shard.tokens * id_bytes();
    case ShardPart::loss:
      return (facts_of_shard.tokens + 7) / 8;
    case ShardPart::ends:
      return facts_of_shard.documents * 8;
  }
  throw Error(ErrorCode::internal, "a shard has no such part");
}

std::string shard_file(std::size_t shard, ShardPart part) {
  std::array<char, 32> number{};
  std::snprintf(number.data(), number.size(), "%05zu.", shard);
  return number.data() + std::string(name_of(part));
}

std::string manifest_text(const TokenManifest& manifest) {
  const TokenFacts& facts = manifest.facts;
  Table table;
  table.set("format", {std::string(kFormat), {}});
  table.set("tokens", {facts.tokens, {}});
  table.set("documents", {facts.documents, {}});
  table.set("target_bytes", {facts.target_bytes, {}});
  table.set("vocabulary_size", {facts.vocabulary_size, {}});
  table.set("tokenizer", {facts.tokenizer, {}});
  table.set("data", {facts.data, {}});
  List shards;
  for (const ShardFacts& shard : manifest.shards) {
    Table entry;
    entry.set("tokens", {shard.tokens, {}});
    entry.set("documents", {shard.documents, {}});
    for (const ShardPart part : kShardParts) {
      entry.set("crc32c_" + std::string(name_of(part)), {std::int64_t{shard.crc(part)}, {}});
    }
    shards.push_back({std::move(entry), {}});
  }
  table.set("shards", {std::move(shards), {}});
  return json_text(table);
}

TokenManifest parse_token_manifest(std::string_view text, const std::string& where) {
  const Table table = parse_json_object(text, where);
  const Reader reader(table, where);
  if (const std::string& format = reader.text("format"); format != kFormat) {
    reader.fail("its format is '" + format + "', and this version reads " + std::string(kFormat));
  }
  TokenManifest manifest;
  TokenFacts& facts = manifest.facts;
  facts.tokens = reader.number("tokens", 2, kMostTokens);
  facts.documents = reader.number("documents", 1, facts.tokens);
  facts.target_bytes = reader.number("target_bytes", 0, std::numeric_limits<std::int64_t>::max());
  facts.vocabulary_size = reader.number("vocabulary_size", 1, kMostIds);
  facts.tokenizer = reader.text("tokenizer");
  facts.data = reader.text("data");
  std::int64_t tokens = 0, documents = 0;
  for (const Value& value : reader.list("shards")) {
    const ShardFacts& shard = manifest.shards.emplace_back(
        read_shard(value, where + ", shard " + std::to_string(manifest.shards.size())));
    tokens += shard.tokens;
    documents += shard.documents;
    if (tokens > facts.tokens) break;
  }
  if (tokens != facts.tokens || documents != facts.documents) {
    reader.fail("its shards do not add up to " + std::to_string(facts.tokens) + " tokens in " +
                std::to_string(facts.documents) + " documents");
  }
  return manifest;
}

}  // namespace easylm
