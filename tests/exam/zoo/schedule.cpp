// Schedules that each break one rule. A component is called like the test that must find it, and only that
// one.
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <stdexcept>
#include <thread>

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
    static void describe(Schema<Config>& s) {
      s.field("value", &Config::value, "the rate at every step").at_least(0).at_most(1);
    }
  };
  Good(Host& /*host*/, const Config& config) : value_(config.value) {}
  double at(std::int64_t /*step*/) const override { return value_; }

 protected:
  double value_;
};

struct Negative : Good {
  using Good::Good;
  double at(std::int64_t step) const override { return step > 500 ? -value_ : value_; }
};

struct NotANumber : Good {
  using Good::Good;
  double at(std::int64_t step) const override {
    return step == 99 ? std::numeric_limits<double>::quiet_NaN() : value_;
  }
};

struct Counting : Good {
  using Good::Good;
  double at(std::int64_t /*step*/) const override { return value_ / ++calls_; }
  mutable int calls_ = 0;
};

// Right for one thread: the step is handed over in a member.
struct Shared : Good {
  using Good::Good;
  double at(std::int64_t step) const override {
    step_ = step;
    std::this_thread::yield();
    return value_ / (1.0 + static_cast<double>(step_.load()));
  }
  mutable std::atomic<std::int64_t> step_{0};
};

struct BadlyPlanned : Good {
  using Good::Good;
  double at(std::int64_t /*step*/) const override { return total_ == 1 ? NAN : value_; }
  void plan(std::int64_t total) override { total_ = total; }
  std::int64_t total_ = 0;
};

struct RefusesOddly : Good {
  using Good::Good;
  void plan(std::int64_t total) override {
    if (total == 37) throw Error(ErrorCode::io, "37 steps are too few");
  }
};

struct Hangs : Good {
  using Good::Good;
  void plan(std::int64_t total) override {
    while (total == 2) std::this_thread::sleep_for(std::chrono::seconds(1));
  }
};

struct Aborts : Good {
  using Good::Good;
  void plan(std::int64_t total) override {
    if (total == 2) std::abort();
  }
};

struct Exits : Good {
  using Good::Good;
  void plan(std::int64_t total) override {
    if (total == 2) std::exit(0);
  }
};

struct ThrowsForeign : Good {
  using Good::Good;
  void plan(std::int64_t total) override {
    if (total == 2) throw 42;
  }
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-schedule", "1.0.0") {
  registrar.component<easylm::Negative>("gives_usable_rates", "Negative from step 501 on.");
  registrar.component<easylm::NotANumber>("gives_usable_rates-nan", "Not a number at step 99.");
  registrar.component<easylm::Counting>("is_pure", "Falls with every call.");
  registrar.component<easylm::Shared>("serves_many_threads", "Threads see each other's steps.");
  registrar.component<easylm::BadlyPlanned>("can_be_planned", "Not a number when planned for one step.");
  registrar.component<easylm::RefusesOddly>("can_be_planned-error", "Refuses with the wrong error.");
  registrar.component<easylm::Aborts>("can_be_planned-abort", "Aborts when planned for two steps.");
  registrar.component<easylm::Hangs>("can_be_planned-hang", "Never comes back when planned for two steps.");
  registrar.component<easylm::Exits>("can_be_planned-exit", "Ends the process, with exit code 0.");
  registrar.component<easylm::ThrowsForeign>("can_be_planned-foreign", "Throws a number.");
}
