// tokens.json: what a folder of shards holds.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "easylm/export.h"
#include "easylm/token_shards.h"

namespace easylm {

inline constexpr std::string_view kTokenManifest = "tokens.json";

// The files of a shard: NNNNN.ids, NNNNN.loss, NNNNN.ends.
enum class ShardPart { ids, loss, ends };
inline constexpr ShardPart kShardParts[] = {ShardPart::ids, ShardPart::loss, ShardPart::ends};

struct ShardFacts {
  std::int64_t tokens = 0, documents = 0;
  std::uint32_t crc32c[3] = {};  // by ShardPart

  std::uint32_t& crc(ShardPart part) { return crc32c[static_cast<int>(part)]; }
  std::uint32_t crc(ShardPart part) const { return crc32c[static_cast<int>(part)]; }
};

struct TokenManifest {
  TokenFacts facts;
  std::vector<ShardFacts> shards;

  std::int64_t id_bytes() const { return facts.vocabulary_size <= 65536 ? 2 : 4; }
  // REQUIRES: `shard` is in the manifest.
  EASYLM_API std::int64_t file_bytes(std::size_t shard, ShardPart part) const;
};

EASYLM_API std::string shard_file(std::size_t shard, ShardPart part);

EASYLM_API std::string manifest_text(const TokenManifest& manifest);

// Throws Error{corrupt} that begins with `where`: for numbers that are missing, negative, too large or do not
// add up.
EASYLM_API TokenManifest parse_token_manifest(std::string_view text, const std::string& where);

}  // namespace easylm
