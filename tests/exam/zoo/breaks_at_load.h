// A plugin that does `deed` when the exam loads it, and is fine while it is built and described.
#pragma once

#include <fstream>
#include <string>

#include "easylm/schedule.h"
#include "easylm/sdk/plugin.h"

namespace easylm {
namespace {

inline bool is_examined() {
  std::string name;
  std::ifstream("/proc/self/comm") >> name;
  return name == "easylm-exam";
}

class Constant : public Schedule {
 public:
  struct Config {
    static void describe(Schema<Config>& /*s*/) {}
  };
  Constant(Host& /*host*/, const Config& /*config*/) {}
  double at(std::int64_t /*step*/) const override { return 1; }
};

// Runs `deed` in a static constructor, which is before anybody has called the plugin.
struct AtLoad {
  explicit AtLoad(void (*deed)()) {
    if (is_examined()) deed();
  }
};

}  // namespace
}  // namespace easylm
