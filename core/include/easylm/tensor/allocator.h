// A caching allocator for tensors on the CPU.
//
// Why: the C library gives every freed block above 32 MiB back to the system, and touching it anew costs up
// to a hundred times the write. A training step frees and takes the same blocks over and over, so here they
// stay.
//
//   below 256 KiB    the C library's own, 64-byte aligned
//   from 256 KiB     cut from regions of 2 MiB pages, best fit first; freed neighbours join again
//
// Regions are mapped when no free block fits; before that, regions that are wholly free go back to the
// system, so what is mapped stays near the most that was ever in use. release_cpu_cache() gives all of those
// back.
#pragma once

#include <cstdint>

#include "easylm/export.h"

namespace easylm {

// Bytes of CPU tensors. All zero before install_cpu_allocator().
struct CpuMemory {
  std::int64_t in_use = 0;       // held by tensors now
  std::int64_t peak = 0;         // the most that `in_use` was since the last reset
  std::int64_t mapped = 0;       // taken from the system now: in use, and kept for the next tensor
  std::int64_t mapped_peak = 0;  // the most that `mapped` was since the last reset
};

// Makes it LibTorch's allocator for the rest of the process. Blocks that live already are freed where they
// came from. Idempotent. [setup]
EASYLM_API void install_cpu_allocator();

EASYLM_API CpuMemory cpu_memory();         // [any-thread]
EASYLM_API void reset_cpu_memory_peaks();  // [any-thread]
EASYLM_API void release_cpu_cache();       // [any-thread]

}  // namespace easylm
