// One run of a stage within its pipeline, watched.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "easylm/stage.h"
#include "exam.h"

namespace easylm::exam {

// What is done to it.
enum class Ordeal {
  none,
  stopped,        // a stop is requested before it begins
  without_input,  // input() throws Error
  without_print,  // print() throws Error
};

struct SeenMetric {
  std::int64_t step = 0;
  std::string name;
  double value = 0;
};

// What a stage did.
struct Seen {
  std::optional<Error> failure;             // that it threw
  std::string foreign;                      // what it threw that is no Error; empty if nothing
  std::vector<std::string> asked, strange;  // ports of input(); of input() and output(), undeclared
  std::map<std::string, Artifact> made;
  std::string printed;
  std::vector<SeenMetric> metrics;
  std::vector<std::pair<std::int64_t, std::int64_t>> progress;  // done, total
  int refusals = 0;                                             // how often the ordeal made a call fail
  double seconds = 0;
};

// Runs the stages before it in --pipeline, and then itself, with `folder` for home. Throws Error if it can't
// be run, with what is missing.
Seen run_stage(const Subject& subject, const std::filesystem::path& folder, Ordeal ordeal);

// All that two runs of one seed have in common, by name: what it printed, measured and made, but no times.
std::map<std::string, std::string> lasting(const Subject& subject, const Seen& seen);

}  // namespace easylm::exam
