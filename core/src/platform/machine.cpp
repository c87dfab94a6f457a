// Reads what the system says of itself in files and by a few calls.
#include "platform/machine.h"

#include <gnu/libc-version.h>
#include <sys/utsname.h>

#include <algorithm>
#include <fstream>
#include <map>
#include <string_view>
#include <system_error>
#include <thread>
#include <utility>

#include "platform/gpu.h"

namespace easylm {
namespace {

std::string trimmed(std::string_view text) {
  constexpr std::string_view kAround = " \t\"";
  const std::size_t begin = text.find_first_not_of(kAround);
  if (begin == text.npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kAround) - begin + 1));
}

// What stands behind `key` and `separator` in the first such line; empty if there is none.
std::string value_in(const std::filesystem::path& file, std::string_view key, char separator) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);) {
    const std::size_t split = line.find(separator);
    if (split != line.npos && trimmed(line.substr(0, split)) == key) return trimmed(line.substr(split + 1));
  }
  return {};
}

std::string or_unknown(std::string text) { return text.empty() ? "unknown" : std::move(text); }

std::string system_text(const std::filesystem::path& release) {
  std::string text = or_unknown(value_in(release, "PRETTY_NAME", '='));
  utsname kernel{};
  if (uname(&kernel) == 0) text += std::string(", ") + kernel.sysname + " " + kernel.release;
  return text + ", glibc " + gnu_get_libc_version();
}

// Those between which our kernels choose; LibTorch has its own list.
std::string extensions() {
  std::string text;
#if defined(__x86_64__)
  if (__builtin_cpu_supports("sse4.2") != 0) text += " sse4.2";
  if (__builtin_cpu_supports("avx2") != 0) text += " avx2";
  if (__builtin_cpu_supports("fma") != 0) text += " fma";
  if (__builtin_cpu_supports("avx512f") != 0) text += " avx512f";
  if (__builtin_cpu_supports("avx512bf16") != 0) text += " avx512bf16";
#elif defined(__aarch64__)
  text = " neon";
#endif
  return text;
}

// "NVRM version: NVIDIA UNIX x86_64 Kernel Module  570.86.15  Thu …" → "570.86.15"
std::string driver_in(const std::string& line) {
  for (std::size_t at = 0; at < line.size();) {
    const std::size_t end = std::min(line.find(' ', at), line.size());
    std::string word = line.substr(at, end - at);
    if (word.find('.') != word.npos && word.find_first_not_of("0123456789.") == word.npos) return word;
    at = end + 1;
  }
  return "unknown";
}

std::string gpu_text(const std::filesystem::path& folder) {
  std::map<std::string, int> models;
  std::error_code failure;
  std::filesystem::directory_iterator card(folder / "gpus", failure);
  for (; !failure && card != std::filesystem::directory_iterator(); card.increment(failure)) {
    ++models[or_unknown(value_in(card->path() / "information", "Model", ':'))];
  }
  if (models.empty()) return gpu_problem() ? "none" : "one that the system says nothing of";
  std::string text;
  for (const auto& [model, count] : models) {
    text += (text.empty() ? "" : ", ") + std::to_string(count) + " × " + model;
  }
  return text + ", driver " + driver_in(value_in(folder / "version", "NVRM version", ':'));
}

}  // namespace

Machine this_machine(const MachinePlaces& places) {
  return {system_text(places.release),
          or_unknown(value_in(places.processor, "model name", ':')) + "," + extensions(),
          static_cast<int>(std::thread::hardware_concurrency()), gpu_text(places.gpus)};
}

}  // namespace easylm
