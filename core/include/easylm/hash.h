// Checksums of files: CRC32C finds damage quickly, SHA-256 proves identity.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "easylm/export.h"

namespace easylm {

// The CRC32C (Castagnoli, RFC 3720) of what was given so far, continued: crc32c(b, crc32c(a)) is that of a
// and then b. [any-thread]
EASYLM_API std::uint32_t crc32c(std::span<const std::byte> bytes, std::uint32_t so_far = 0);

// The same without special instructions; used where the processor has none.
EASYLM_API std::uint32_t crc32c_portable(std::span<const std::byte> bytes, std::uint32_t so_far = 0);

class EASYLM_API Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(const Sha256&) = delete;
  Sha256& operator=(const Sha256&) = delete;

  void update(std::span<const std::byte> bytes);
  std::string finish();  // 64 lower-case hexadecimal digits. Call once, last.

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace easylm
