// Lets this process take as much memory as the machine has, and no more: an allocation beyond that fails,
// where the system would otherwise end some process.
#pragma once

#include <sys/resource.h>

namespace easylm::stages {

// In force while it lives; nothing where the system doesn't say what it has.
class MemoryCeiling {
 public:
  MemoryCeiling();
  ~MemoryCeiling();
  MemoryCeiling(const MemoryCeiling&) = delete;
  MemoryCeiling& operator=(const MemoryCeiling&) = delete;

 private:
  rlimit before_{};
};

}  // namespace easylm::stages
