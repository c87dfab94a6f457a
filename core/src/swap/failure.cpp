// Reads the output of runs.
#include "swap/failure.h"

#include <cstring>
#include <fstream>

namespace easylm {
namespace {

constexpr int kOfASignal = 128;

}  // namespace

std::string failure_text(const std::filesystem::path& output, int exit_code) {
  std::ifstream in(output);
  std::string text;
  bool is_open = false;  // what follows belongs to it
  for (std::string line; std::getline(in, line);) {
    if (const std::size_t error = line.find("error: "); error != std::string::npos) {
      text = line.substr(error + 7);
      is_open = true;
    } else if (is_open && (line.starts_with(' ') || line.starts_with("hint: "))) {
      text += "\n" + line;
    } else {
      is_open = false;
    }
  }
  if (exit_code <= kOfASignal) return text.empty() ? "exit code " + std::to_string(exit_code) : text;
  const int signal = exit_code - kOfASignal;
  const char* what = ::strsignal(signal);
  return "ended by signal " + std::to_string(signal) +
         (what == nullptr ? "" : " (" + std::string(what) + ")");
}

std::string last_progress(const std::filesystem::path& output) {
  std::ifstream in(output);
  std::string last = "starts";
  for (std::string line; std::getline(in, line);) {
    if (line.starts_with("step ")) last = line;
  }
  return last;
}

}  // namespace easylm
