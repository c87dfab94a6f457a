// What of a process a plugin has no business to change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

namespace easylm::exam {

struct ProcessState {
  int threads = 0;
  int descriptors = 0;
  std::string folder;       // the current directory
  std::string environment;  // all variables
  std::string handlers;     // who handles which signal
  std::string locale;
  unsigned mask = 0;  // umask
  int rounding = 0;   // of floating point

  static ProcessState now();
};

// The first difference, in words; empty if there is none.
std::string difference(const ProcessState& before, const ProcessState& after);

// Bytes that the process has allocated and not freed.
std::size_t allocated_bytes();

// Begins the program anew, once, with a malloc that keeps nothing back for its threads: what it keeps would
// count as allocated.
void make_allocated_bytes_exact();

// Memory that it holds and that is no file's: what a map of a file takes can be taken back at any time.
std::int64_t own_resident_bytes();

// What `action` writes to standard output and error, by way of `file`. [setup]
std::string output_of(const std::string& file, const std::function<void()>& action);

}  // namespace easylm::exam
