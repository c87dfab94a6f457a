// Whether this machine has a GPU that plugins could use.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "easylm/export.h"

namespace easylm {

// Where to look; tests say other places.
struct GpuPlaces {
  std::filesystem::path devices = "/dev";
  std::string driver = "libcuda.so.1";
};

// Why no NVIDIA GPU can be used here: one sentence with what to do. None if one can. Loads the driver's
// library if there is a device. [any-thread]
EASYLM_API std::optional<std::string> gpu_problem(const GpuPlaces& places = {});

}  // namespace easylm
