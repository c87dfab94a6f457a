// A limit on a process's memory that the kernel enforces.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string_view>

#include "easylm/export.h"

namespace easylm {

// "3GiB", "512MB", "1073741824": of powers of 1024 with the i, of 1000 without. Throws Error{invalid_config}.
EASYLM_API std::int64_t parse_bytes(std::string_view text);

// RLIMIT_DATA: what a process maps for itself alone to write into, used or not; of libraries only what they
// write. An allocation beyond it fails in the process, which can say so.
class EASYLM_API MemoryLimit {
 public:
  // Throws Error{invalid_config} unless it is above 0 and no more than the machine has.
  explicit MemoryLimit(std::int64_t bytes);

  static std::string_view name() { return "RLIMIT_DATA"; }
  std::int64_t bytes() const { return bytes_; }

  // From now on. What `process` has already counts, too. Throws Error{io}.
  void apply(pid_t process) const;

  // Has a child try to get more than it may. Throws Error{unsupported} if it gets it: then this system
  // doesn't enforce the limit.
  void prove() const;

 private:
  std::int64_t bytes_;
};

}  // namespace easylm
