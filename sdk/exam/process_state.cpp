// Reads it from /proc and the C library.
#include "process_state.h"

#include <fcntl.h>
#include <malloc.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cfenv>
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <utility>
#include <vector>

extern char** environ;
// NOLINTNEXTLINE(readability-identifier-naming): the name is the sanitizers'
extern "C" __attribute__((weak)) std::size_t __sanitizer_get_current_allocated_bytes();

namespace easylm::exam {
namespace {

int count_entries(const char* folder) {
  int count = 0;
  for ([[maybe_unused]] const auto& entry : std::filesystem::directory_iterator(folder)) ++count;
  return count;
}

std::string handlers_now() {
  std::ostringstream text;
  for (int number = 1; number < NSIG; ++number) {
    struct sigaction action {};
    if (sigaction(number, nullptr, &action) != 0) continue;
    if (action.sa_handler != SIG_DFL)
      text << number << ":" << reinterpret_cast<void*>(action.sa_handler) << " ";
  }
  return text.str();
}

std::string environment_now() {
  std::string text;
  for (char** variable = environ; *variable != nullptr; ++variable) text += std::string(*variable) + "\n";
  return text;
}

unsigned mask_now() {
  const unsigned mask = umask(0);
  umask(mask);
  return mask;
}

}  // namespace

ProcessState ProcessState::now() {
  ProcessState state;
  state.threads = count_entries("/proc/self/task");
  state.descriptors = count_entries("/proc/self/fd");
  state.folder = std::filesystem::current_path();
  state.environment = environment_now();
  state.handlers = handlers_now();
  state.locale = std::setlocale(LC_ALL, nullptr);
  state.mask = mask_now();
  state.rounding = std::fegetround();
  return state;
}

std::string difference(const ProcessState& before, const ProcessState& after) {
  const auto grew = [](int from, int to, const char* what) {
    return std::to_string(to - from) + " " + what + " more than before are left";
  };
  if (after.threads > before.threads) return grew(before.threads, after.threads, "threads");
  if (after.descriptors > before.descriptors)
    return grew(before.descriptors, after.descriptors, "open files");
  if (after.folder != before.folder) return "the current directory was changed to " + after.folder;
  if (after.environment != before.environment) return "the environment variables were changed";
  if (after.handlers != before.handlers) return "a signal handler was changed";
  if (after.locale != before.locale) return "the locale was changed to " + after.locale;
  if (after.mask != before.mask) return "the file mode mask was changed";
  if (after.rounding != before.rounding) return "the rounding of floating point was changed";
  return {};
}

std::size_t allocated_bytes() {
  if (__sanitizer_get_current_allocated_bytes != nullptr) return __sanitizer_get_current_allocated_bytes();
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

void make_allocated_bytes_exact() {
  constexpr const char* kTunables = "GLIBC_TUNABLES";
  if (__sanitizer_get_current_allocated_bytes != nullptr || std::getenv(kTunables) != nullptr) return;
  std::ifstream in("/proc/self/cmdline", std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(in, word, '\0');) words.push_back(std::move(word));
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  setenv(kTunables, "glibc.malloc.tcache_count=0", 1);
  execv("/proc/self/exe", arguments.data());
}

std::int64_t own_resident_bytes() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("RssAnon:")) return std::stoll(line.substr(8)) << 10;
  }
  return 0;
}

std::string output_of(const std::string& file, const std::function<void()>& action) {
  std::fflush(nullptr);
  const std::array<int, 2> kept{dup(STDOUT_FILENO), dup(STDERR_FILENO)};
  const int out = open(file.c_str(), O_CREAT | O_WRONLY | O_TRUNC | O_APPEND | O_CLOEXEC, 0600);
  dup2(out, STDOUT_FILENO);
  dup2(out, STDERR_FILENO);
  close(out);
  const auto restore = [&] {
    std::fflush(nullptr);
    dup2(kept[0], STDOUT_FILENO);
    dup2(kept[1], STDERR_FILENO);
    close(kept[0]);
    close(kept[1]);
  };
  try {
    action();
  } catch (...) {
    restore();
    throw;
  }
  restore();
  std::ifstream in(file);
  return {std::istreambuf_iterator<char>(in), {}};
}

}  // namespace easylm::exam
