// Looks for an NVIDIA device and its driver.
#include "platform/gpu.h"

#include <dlfcn.h>

#include <algorithm>
#include <string_view>
#include <system_error>

namespace easylm {
namespace {

// nvidia0, nvidia1, … are the cards (a container may hold any of them); dxg is Windows' own.
bool is_gpu(std::string_view name) {
  if (name == "dxg") return true;
  if (!name.starts_with("nvidia") || name.size() == 6) return false;
  return std::all_of(name.begin() + 6, name.end(), [](char c) { return c >= '0' && c <= '9'; });
}

bool has_device(const std::filesystem::path& folder) {
  std::error_code failure;
  std::filesystem::directory_iterator entry(folder, failure);
  for (; !failure && entry != std::filesystem::directory_iterator(); entry.increment(failure)) {
    if (is_gpu(entry->path().filename().native())) return true;
  }
  return false;
}

}  // namespace

std::optional<std::string> gpu_problem(const GpuPlaces& places) {
  if (!has_device(places.devices)) {
    return "no CUDA device: it needs an NVIDIA GPU, and this machine shows none (no " +
           (places.devices / "nvidia0").string() + "): run it on a machine with one";
  }
  void* driver = dlopen(places.driver.c_str(), RTLD_LAZY | RTLD_LOCAL);  // kept: its user loads it again
  if (driver == nullptr) {
    return "no CUDA device: it needs an NVIDIA GPU, and the driver's library " + places.driver +
           " can't be loaded: install NVIDIA's driver";
  }
  return {};
}

}  // namespace easylm
