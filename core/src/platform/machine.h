// What a bug report should say of the machine.
#pragma once

#include <filesystem>
#include <string>

#include "easylm/export.h"

namespace easylm {

struct Machine {
  std::string system;     // "Debian GNU/Linux 12 (bookworm), Linux 6.1.0-18-amd64, glibc 2.36"
  std::string processor;  // "AMD EPYC 7763, avx2 fma": its name, and which of the extensions it has that our
                          // code asks for
  int cores = 0;          // that this process may use
  std::string gpu;        // "2 × NVIDIA H200, driver 570.86.15", or "none"
};

// Where to look; tests say other places.
struct MachinePlaces {
  std::filesystem::path release = "/etc/os-release";
  std::filesystem::path processor = "/proc/cpuinfo";
  std::filesystem::path gpus = "/proc/driver/nvidia";
};

// What isn't known is "unknown". [any-thread]
EASYLM_API Machine this_machine(const MachinePlaces& places = {});

}  // namespace easylm
