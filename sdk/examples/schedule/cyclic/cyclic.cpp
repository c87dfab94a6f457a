// Cyclical learning rates, the triangular policies of Smith (2017): the rate climbs from low to high and
// back.
#include <cmath>
#include <cstdint>

#include "easylm/schedule.h"
#include "easylm/sdk/plugin.h"

namespace {

using namespace easylm;

class Cyclic final : public Schedule {
 public:
  struct Config {
    double low = 1e-4;
    double high = 1e-3;
    std::int64_t half_period = 1000;
    double decay = 1;

    static void describe(Schema<Config>& s) {
      s.field("low", &Config::low, "rate at the foot of every triangle").at_least(0);
      s.field("high", &Config::high, "rate at the top of the first triangle").at_least(0);
      s.field("half_period", &Config::half_period, "from a foot to the next top").at_least(1).unit("steps");
      s.field("decay", &Config::decay, "height of a triangle, as a share of the one before")
          .at_least(0)
          .at_most(1);
      s.require("low <= high", "low", "low = {low} is above high = {high}", "exchange them");
    }
  };

  Cyclic(Host& /*host*/, const Config& config) : config_(config) {}

  double at(std::int64_t step) const override {
    const double halves = static_cast<double>(step) / static_cast<double>(config_.half_period);
    const double cycle = std::floor(halves / 2);
    const double share = 1 - std::abs(halves - 2 * cycle - 1);  // 0 at a foot, 1 at a top
    return config_.low + (config_.high - config_.low) * std::pow(config_.decay, cycle) * share;
  }

 private:
  Config config_;
};

}  // namespace

EASYLM_PLUGIN("example-schedule-cyclic", "1.0.0") {
  registrar.component<Cyclic>("cyclic", "Triangles between two rates, as in Smith (2017).");
}
