// Stages that each break one rule. A component is called like the test that must find it.
#include "easylm/stage.h"

#include <chrono>
#include <filesystem>
#include <fstream>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>

#include "easylm/error.h"
#include "easylm/sdk/plugin.h"

namespace easylm {
namespace {

// What the others break a rule of.
class Good : public Stage {
 public:
  struct Config {
    static void describe(Schema<Config>& s) { s.makes("report"); }
  };
  Good(Host& host, const Config& /*config*/) : host_(host) {}

  void run(StageContext& context) override {
    for (std::int64_t step = 0; step < 4; ++step) {
      if (host_.stop().requested()) stopped();
      const Metric metric{"number", number(step)};
      context.metrics({{}, step, 0, 0, {&metric, 1}});
      context.progress(done(step), 4);
    }
    say(context, "4 steps\n");
    finish(context);
  }

 protected:
  virtual double number(std::int64_t step) { return static_cast<double>(step); }
  virtual std::int64_t done(std::int64_t step) { return step + 1; }
  virtual void stopped() { throw Error(ErrorCode::interrupted, "stopped"); }
  virtual void say(StageContext& context, const std::string& text) { context.print(text); }
  virtual void finish(StageContext& context) { context.output("report", {}); }
  Host& host_;
};

struct Fails : Good {
  using Good::Good;
  void finish(StageContext& /*context*/) override { throw Error(ErrorCode::internal, "I can't go on"); }
};

struct ThrowsForeign : Good {
  using Good::Good;
  void finish(StageContext& /*context*/) override { throw std::runtime_error("I can't go on"); }
};

struct MakesNothing : Good {
  using Good::Good;
  void finish(StageContext& /*context*/) override {}
};

struct Curious : Good {
  using Good::Good;
  void finish(StageContext& context) override {
    try {
      context.input("model");
    } catch (const Error&) {
      Good::finish(context);
    }
  }
};

struct GoesBack : Good {
  using Good::Good;
  std::int64_t done(std::int64_t step) override { return 4 - step; }
};

struct Overshoots : Good {
  using Good::Good;
  std::int64_t done(std::int64_t step) override { return step + 2; }
};

struct NotANumber : Good {
  using Good::Good;
  double number(std::int64_t step) override {
    return step == 2 ? std::numeric_limits<double>::quiet_NaN() : 1;
  }
};

struct Whimsical : Good {
  using Good::Good;
  double number(std::int64_t /*step*/) override {
    return static_cast<double>(std::chrono::steady_clock::now().time_since_epoch().count());
  }
};

struct Talks : Good {
  using Good::Good;
  void say(StageContext& context, const std::string& /*text*/) override {
    context.print(std::to_string(std::chrono::steady_clock::now().time_since_epoch().count()));
  }
};

struct Scribbles : Good {
  using Good::Good;
  void finish(StageContext& context) override {
    const std::filesystem::path file = host_.paths().run / "report.txt";
    std::ofstream(file) << std::chrono::steady_clock::now().time_since_epoch().count();
    context.output("report", {.component = nullptr, .path = file, .uri = {}, .config = {}});
  }
};

struct Offended : Good {
  using Good::Good;
  void stopped() override { throw Error(ErrorCode::internal, "I was not done"); }
};

struct Deaf : Good {
  using Good::Good;
  void stopped() override {
    for (;;) std::this_thread::sleep_for(std::chrono::seconds(1));
  }
};

struct Careless : Good {
  using Good::Good;
  void say(StageContext& context, const std::string& text) override {
    try {
      context.print(text);
    } catch (const Error&) {  // nobody needs to know
    }
  }
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-stage", "1.0.0") {
  registrar.component<easylm::Fails>("can_be_made", "Fails at the end.");
  registrar.component<easylm::ThrowsForeign>("can_be_made-foreign", "Throws what is no Error.");
  registrar.component<easylm::MakesNothing>("keeps_to_its_ports", "Makes nothing of what it declares.");
  registrar.component<easylm::Curious>("keeps_to_its_ports-input", "Asks for what it doesn't declare.");
  registrar.component<easylm::GoesBack>("says_how_far_it_is", "Counts backwards.");
  registrar.component<easylm::Overshoots>("says_how_far_it_is-beyond", "Counts beyond the end.");
  registrar.component<easylm::NotANumber>("measures_numbers", "Measures what is not a number.");
  registrar.component<easylm::Whimsical>("is_deterministic", "Measures the time, and calls it a number.");
  registrar.component<easylm::Talks>("is_deterministic-print", "Prints something else each time.");
  registrar.component<easylm::Scribbles>("is_deterministic-file", "Makes another file each time.");
  registrar.component<easylm::Offended>("stops_when_asked", "Takes a stop for a mistake of the program.");
  registrar.component<easylm::Deaf>("stops_when_asked-never", "Goes on for ever when asked to stop.");
  registrar.component<easylm::Careless>("passes_failures_on", "Doesn't care whether it was heard.");
}
