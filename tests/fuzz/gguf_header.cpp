// Feeds anything to the reader of GGUF heads, and to those of the settings and the tokenizer in them: they
// may refuse, and must not crash, hang or hand out a tensor that lies outside of its file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "easylm/error.h"
#include "gguf/header.h"
#include "gguf/llama_config.h"
#include "gguf/tokenizer_files.h"

namespace {

// Runs `read`, which may refuse, and may not find a mistake of ours.
template <typename Read>
void try_to(Read read) {
  try {
    read();
  } catch (const easylm::Error& error) {
    if (error.code() == easylm::ErrorCode::internal) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace easylm::gguf;
  try_to([&] {
    const Header header = parse_header(std::as_bytes(std::span(data, size)), "file");
    std::int64_t at = 0;
    for (const Entry& entry : header.entries) {
      if (entry.begin < at || entry.bytes <= 0) std::abort();
      at = entry.begin + entry.bytes;
    }
    if (at > static_cast<std::int64_t>(size)) std::abort();
    try_to([&] { (void)header.metadata.described(); });
    try_to([&] { (void)config_of(header.metadata, {}); });
    try_to([&] { (void)tokenizer_files(header.metadata); });
  });
  return 0;
}
