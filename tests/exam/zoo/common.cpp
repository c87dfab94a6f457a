// Schedules that each break one rule of those that all components are held to. A component is called like the
// test that must find it.
#include <fcntl.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "easylm/error.h"
#include "easylm/schedule.h"
#include "easylm/sdk/plugin.h"

namespace easylm {
namespace {

// What the others break a rule of.
class Good : public Schedule {
 public:
  struct Config {
    double value = 0.5;
    std::int64_t steps = 10;
    static void describe(Schema<Config>& s) {
      s.field("value", &Config::value, "the rate at every step").at_least(0).at_most(1);
      s.field("steps", &Config::steps, "how many it is for").at_least(0);
    }
  };
  Good(Host& /*host*/, const Config& config) : value_(config.value) {}
  double at(std::int64_t /*step*/) const override { return value_; }

 protected:
  double value_;
};

// The build describes plugins too, and must come to its end.
bool is_examined() {
  std::string name;
  std::ifstream("/proc/self/comm") >> name;
  return name == "easylm-exam";
}

struct Refuses : Good {
  Refuses(Host& host, const Config& config) : Good(host, config) { throw Error(ErrorCode::io, "not today"); }
};

struct ThrowsForeign : Good {
  ThrowsForeign(Host& host, const Config& config) : Good(host, config) { throw std::runtime_error("oh"); }
};

struct ThrowsNumber : Good {
  ThrowsNumber(Host& host, const Config& config) : Good(host, config) { throw 42; }
};

struct Exits : Good {
  Exits(Host& host, const Config& config) : Good(host, config) { std::exit(0); }
};

struct TwoFaced : Good {
  struct Config : Good::Config {
    static void describe(Schema<Config>& s) {
      double Config::*value = &Config::value;
      s.field("value", value, is_examined() ? "something else" : "the rate at every step");
    }
  };
  TwoFaced(Host& host, const Config& config) : Good(host, config) {}
};

struct Wordless : Good {
  struct Config : Good::Config {
    static void describe(Schema<Config>& s) {
      double Config::*value = &Config::value;
      s.field("value", value, "");
    }
  };
  Wordless(Host& host, const Config& config) : Good(host, config) {}
};

struct SharesMember : Good {
  struct Config : Good::Config {
    static void describe(Schema<Config>& s) {
      double Config::*value = &Config::value;
      s.field("value", value, "the rate at every step");
      s.field("end", value, "the rate at the end, bound to the wrong member");
    }
  };
  SharesMember(Host& host, const Config& config) : Good(host, config) {}
};

struct CrashesOnNegative : Good {
  struct Config : Good::Config {
    static void describe(Schema<Config>& s) {
      std::int64_t Config::*steps = &Config::steps;
      s.field("steps", steps, "how many it is for");
    }
  };
  CrashesOnNegative(Host& host, const Config& config) : Good(host, config) {
    std::vector<double>(static_cast<std::size_t>(config.steps)).at(0) = 1;  // of -1: std::length_error
  }
};

struct Bottomless : Good {
  struct Config : Good::Config {
    static void describe(Schema<Config>& s) {
      std::int64_t Config::*steps = &Config::steps;
      s.field("steps", steps, "how deep it goes");
    }
  };
  Bottomless(Host& host, const Config& config) : Good(host, config) {
    if (config.steps < 0) std::abort();
  }
};

struct CanDoAnything : Good {
  using Good::Good;
  void* extension(std::string_view /*id*/) override { return this; }
};

struct Prints : Good {
  using Good::Good;
  double at(std::int64_t /*step*/) const override {
    std::printf("asked\n");
    return value_;
  }
};

struct LeavesThread : Good {
  LeavesThread(Host& host, const Config& config) : Good(host, config) {
    std::thread([] { std::this_thread::sleep_for(std::chrono::hours(1)); }).detach();
  }
};

struct LeavesFile : Good {
  LeavesFile(Host& host, const Config& config) : Good(host, config) { (void)open("/dev/null", O_RDONLY); }
};

struct MovesAway : Good {
  MovesAway(Host& host, const Config& config) : Good(host, config) {
    static int times = 0;
    (void)!chdir(++times > 1 ? "/" : "/usr");
  }
};

struct TakesSignal : Good {
  using Good::Good;
  double at(std::int64_t /*step*/) const override {
    static int times = 0;
    std::signal(SIGUSR1,
                ++times > 10 ? SIG_IGN : SIG_DFL);  // not what it does once, but what it does to others
    return value_;
  }
};

struct SetsVariable : Good {
  SetsVariable(Host& host, const Config& config) : Good(host, config) {
    static int times = 0;
    setenv("ZOO", std::to_string(++times).c_str(), 1);
  }
};

struct Leaks : Good {
  Leaks(Host& host, const Config& config) : Good(host, config) { kept_ = new std::string(100, 'x'); }
  std::string* kept_;
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-common", "1.0.0") {
  registrar.component<easylm::Refuses>("can_be_made", "Its constructor throws Error.");
  registrar.component<easylm::ThrowsForeign>("can_be_made-foreign",
                                             "Its constructor throws another exception.");
  registrar.component<easylm::ThrowsNumber>("can_be_made-number", "Its constructor throws a number.");
  registrar.component<easylm::Exits>("can_be_made-exit", "Its constructor ends the process.");
  registrar.component<easylm::TwoFaced>("is_described", "Registers something else than the file says.");
  registrar.component<easylm::Wordless>("is_described-key", "A key without a meaning.");
  registrar.component<easylm::SharesMember>("reads_every_key", "Two keys on one member.");
  registrar.component<easylm::CrashesOnNegative>("survives_edge_values", "std::length_error for -1 steps.");
  registrar.component<easylm::Bottomless>("survives_edge_values-abort", "Aborts for -1 steps.");
  registrar.component<easylm::CanDoAnything>("knows_no_strange_extension", "Has every extension there is.");
  registrar.component<easylm::Prints>("is_quiet", "Prints to standard output.");
  registrar.component<easylm::LeavesThread>("leaves_the_process_alone", "Leaves a thread behind.");
  registrar.component<easylm::LeavesFile>("leaves_the_process_alone-file", "Leaves a file open.");
  registrar.component<easylm::MovesAway>("leaves_the_process_alone-folder", "Changes the current directory.");
  registrar.component<easylm::TakesSignal>("leaves_the_process_alone-signal", "Takes a signal.");
  registrar.component<easylm::SetsVariable>("leaves_the_process_alone-variable", "Sets a variable.");
  registrar.component<easylm::Leaks>("leaks_nothing", "Allocates and forgets.");
}
