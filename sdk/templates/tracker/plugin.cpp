// A table of all numbers in the run's folder, a line each. Replace log() by what hands them to your own
// program.
#include <fstream>

#include "easylm/sdk/plugin.h"
#include "easylm/tracker.h"
using namespace easylm;

struct @Name@ : Tracker {
  struct Config {
    std::string file = "@name@.csv";
    static void describe(Schema<Config>& s) {
      s.field("file", &Config::file, "its name in the run's folder");
    }
  };
  @Name@(Host&, const Config& config) : name_(config.file) {}

  void open(const TrackerOptions& options) override { file_.open(options.folder / name_, std::ios::app); }
  void log(const MetricRecord& record) override {
    for (const Metric& metric : record.metrics) {
      file_ << record.step << "," << metric.name << "," << metric.value << "\n";
    }
    if (!file_.flush()) throw Error(ErrorCode::io, "can't write " + name_, "is there room on the disk?");
  }
  void close() override { file_.close(); }

  std::string name_;
  std::ofstream file_;
};

EASYLM_PLUGIN("@name@", "0.1.0") { registrar.component<@Name@>("@name@", "All numbers of a run as a table."); }
