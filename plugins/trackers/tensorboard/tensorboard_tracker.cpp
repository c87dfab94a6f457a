// Names the curves and writes their event file.
#include "tensorboard_tracker.h"

#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "easylm/error.h"

namespace easylm::trackers {
namespace {

constexpr std::string_view kMainStage = "train";

// `group` is the first part of a tag; empty: the stage's own name.
struct Habit {
  std::string_view metric, group, name;
  double scale;
};
constexpr std::array<Habit, 4> kHabits{{{"learning_rate", "", "lr", 1},
                                        {"gradient_norm", "", "grad_norm", 1},
                                        {"tokens_per_second", "perf", "tok_per_sec", 1},
                                        {"peak_memory_bytes", "mem", "peak_gb", 1e-9}}};
constexpr std::string_view kValidation = "validation_";

std::string tag(std::string_view stage, std::string_view group, std::string_view name) {
  std::string out;
  if (group.empty() || stage != kMainStage) out += std::string(stage) + "/";
  if (!group.empty()) out += std::string(group) + "/";
  return out + std::string(name);
}

double seconds_now() {
  const std::chrono::duration<double> now = std::chrono::system_clock::now().time_since_epoch();
  return now.count();
}

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0 || name[0] == '\0') return "localhost";
  std::string out = name.data();
  for (char& c : out) c = c == '/' ? '_' : c;
  return out;
}

[[noreturn]] void fail(const std::filesystem::path& path) {
  throw Error(ErrorCode::io, "cannot write " + path.string() + ": " + std::strerror(errno),
              "check free space and permissions");
}

}  // namespace

Scalar scalar_of(std::string_view stage, const Metric& metric) {
  for (const Habit& habit : kHabits) {
    if (metric.name != habit.metric) continue;
    return {tag(stage, habit.group, habit.name), static_cast<float>(metric.value * habit.scale)};
  }
  const bool validates = metric.name.starts_with(kValidation);
  const std::string name =
      validates ? tag(stage, "val", metric.name.substr(kValidation.size())) : tag(stage, "", metric.name);
  return {name, static_cast<float>(metric.value)};
}

void TensorboardTracker::open(const TrackerOptions& options) {
  const double now = seconds_now();
  const std::string stem = "events.out.tfevents." + std::to_string(static_cast<std::int64_t>(now)) + "." +
                           machine_name() + "." + std::to_string(::getpid()) + ".";
  for (int number = 0; !file_; ++number) {
    path_ = options.folder / (stem + std::to_string(number));
    file_.reset(std::fopen(path_.c_str(), "wbxe"));  // x: never over another tracker's file
    if (!file_ && errno != EEXIST) fail(path_);
  }
  append(version_event(now));
}

void TensorboardTracker::log(const MetricRecord& record) {
  std::vector<Scalar> scalars;
  for (const Metric& metric : record.metrics) scalars.push_back(scalar_of(record.stage, metric));
  append(scalars_event(record.time, record.step, scalars));
}

void TensorboardTracker::append(std::string_view message) {
  EASYLM_CHECK(file_ != nullptr, "tracker tensorboard got a record while it was not open");
  const std::string record = record_of(message);
  const bool written = std::fwrite(record.data(), 1, record.size(), file_.get()) == record.size();
  if (!written || std::fflush(file_.get()) != 0) fail(path_);
}

void TensorboardTracker::close() {
  if (!file_) return;
  const bool synced = ::fsync(::fileno(file_.get())) == 0 || errno == EINVAL;  // EINVAL: not a file on a disk
  const bool closed = std::fclose(file_.release()) == 0;
  if (!synced || !closed) fail(path_);
}

}  // namespace easylm::trackers
