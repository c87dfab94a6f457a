// Feeds anything to the reader of safetensors headers: it may refuse, and must not crash, hang or hand out a
// tensor that lies outside of its file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "easylm/error.h"
#include "safetensors/header.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace easylm;
  try {
    const safetensors::Header header =
        safetensors::parse_header(std::as_bytes(std::span(data, size)), "file");
    std::int64_t at = 0;
    for (const safetensors::Entry& entry : header.entries) {
      if (entry.begin != at || entry.end - entry.begin != entry.info.num_bytes()) std::abort();
      at = entry.end;
    }
    if (header.data_begin + at != static_cast<std::int64_t>(size)) std::abort();
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) std::abort();
  }
  return 0;
}
