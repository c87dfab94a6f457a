// Feeds anything to the reader of shard indices: it may refuse, and must not crash, hang or name a file
// outside of its folder.
#include "easylm/shard_index.h"

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "easylm/error.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace easylm;
  try {
    for (const auto& [tensor, file] : parse_index({reinterpret_cast<const char*>(data), size}, "file")) {
      if (file.empty() || file == "." || file == ".." || file.find('/') != std::string::npos) std::abort();
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) std::abort();
  }
  return 0;
}
