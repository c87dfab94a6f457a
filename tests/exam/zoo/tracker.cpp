// Trackers that each break one rule. A component is called like the test that must find it.
#include "easylm/tracker.h"

#include <cmath>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <stdexcept>
#include <string>

#include "easylm/error.h"
#include "easylm/sdk/plugin.h"

namespace easylm {
namespace {

// What the others break a rule of: a line a record.
class Good : public Tracker {
 public:
  struct Config {
    static void describe(Schema<Config>& /*s*/) {}
  };
  Good(Host& /*host*/, const Config& /*config*/) {}

  void open(const TrackerOptions& options) override { open_file(options.folder / "zoo.txt", std::ios::app); }
  void log(const MetricRecord& record) override {
    lines_ += std::to_string(record.step) + " " + std::to_string(record.metrics.size()) + "\n";
  }
  void close() override {
    out_ << lines_ << std::flush;
    lines_.clear();
    if (!out_) throw Error(ErrorCode::io, "zoo.txt can't be written");
  }

 protected:
  void open_file(const std::filesystem::path& path, std::ios::openmode mode) { out_.open(path, mode); }
  std::ofstream out_;
  std::string lines_;
};

struct NeedsMetrics : Good {
  using Good::Good;
  void log(const MetricRecord& record) override {
    if (record.metrics.empty()) throw std::out_of_range("no first metric");
    Good::log(record);
  }
};

struct Finite : Good {
  using Good::Good;
  void log(const MetricRecord& record) override {
    for (const Metric& metric : record.metrics) {
      if (!std::isfinite(metric.value)) std::abort();
    }
  }
};

struct WritesHere : Good {
  using Good::Good;
  void open(const TrackerOptions& /*options*/) override { open_file("zoo.txt", std::ios::app); }
};

struct WritesHome : Good {
  using Good::Good;
  void open(const TrackerOptions& options) override {
    Good::open(options);
    std::ofstream(std::string(std::getenv("HOME")) + "/.zoo") << "I was here\n";
  }
};

struct Empty : Good {
  using Good::Good;
  void close() override {}
};

struct Lazy : Good {
  using Good::Good;
  ~Lazy() override { out_ << "the end, at last\n"; }
};

struct Forgets : Good {
  using Good::Good;
  void open(const TrackerOptions& options) override {
    open_file(options.folder / "zoo.txt", std::ios::trunc);
  }
};

struct TidiesUp : Good {
  using Good::Good;
  void open(const TrackerOptions& options) override {
    std::filesystem::remove(options.folder / "log.txt");
    Good::open(options);
  }
};

struct MustBeClosed : Good {
  using Good::Good;
  ~MustBeClosed() override {
    if (!closed_) std::abort();
  }
  void close() override {
    Good::close();
    closed_ = true;
  }
  bool closed_ = false;
};

struct AssumesFolder : Good {
  using Good::Good;
  void open(const TrackerOptions& options) override {
    Good::open(options);
    if (!out_) throw std::runtime_error("zoo.txt");
  }
};

}  // namespace
}  // namespace easylm

EASYLM_PLUGIN("zoo-tracker", "1.0.0") {
  registrar.component<easylm::NeedsMetrics>("takes_any_record", "Throws for a record without metrics.");
  registrar.component<easylm::Finite>("takes_any_record-nan", "Aborts for what is not a number.");
  registrar.component<easylm::WritesHere>("writes_only_in_its_folder", "Writes into the current directory.");
  registrar.component<easylm::WritesHome>("writes_only_in_its_folder-home", "Writes into the user's folder.");
  registrar.component<easylm::Empty>("closes_completely", "Leaves an empty file.");
  registrar.component<easylm::Lazy>("has_nothing_left_to_write", "Writes on after close().");
  registrar.component<easylm::Forgets>("keeps_what_was_there", "Begins its file anew.");
  registrar.component<easylm::TidiesUp>("keeps_what_was_there-log", "Removes the run's log.");
  registrar.component<easylm::MustBeClosed>("can_be_left_open", "Aborts unless it was closed.");
  registrar.component<easylm::AssumesFolder>("survives_a_folder_that_fails", "Throws what is no Error.");
}
