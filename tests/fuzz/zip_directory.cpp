// Feeds anything to the reader of zip directories: it may refuse, and must not crash, hang or hand out an
// entry that lies outside of its file.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <span>

#include "easylm/error.h"
#include "torch_bin/zip_directory.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace easylm;
  const auto file = std::as_bytes(std::span(data, size));
  try {
    for (const torch_bin::ZipEntry& entry : torch_bin::read_zip_directory(file, "file")) {
      if (entry.bytes.data() < file.data() || entry.bytes.data() + entry.bytes.size() > file.data() + size) {
        std::abort();
      }
    }
  } catch (const Error& error) {
    if (error.code() == ErrorCode::internal) std::abort();
  }
  return 0;
}
