// Feeds anything to the reader of tokens.json: it may refuse, and must not crash, hang or believe sizes that
// do not add up.
#include "data/token_manifest.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "easylm/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace easylm;
  try {
    const TokenManifest manifest = parse_token_manifest({reinterpret_cast<const char*>(data), size}, "file");
    for (std::size_t i = 0; i < manifest.shards.size(); ++i) {
      for (const ShardPart part : kShardParts) {
        if (manifest.file_bytes(i, part) <= 0) std::abort();
      }
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) std::abort();
  }
  return 0;
}
