// The exam of easylm.tracker/1.
#include "easylm/tracker.h"

#include <stdlib.h>  // setenv

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>
#include <limits>
#include <map>
#include <utility>
#include <vector>

#include "easylm/error.h"
#include "suites.h"

namespace easylm::exam {
namespace {

namespace fs = std::filesystem;
using Files = std::map<std::string, std::string>;  // contents by relative name

std::string read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Files files_in(const fs::path& folder) {
  Files files;
  for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder)) {
    const bool is_file = entry.is_regular_file() && !entry.is_symlink();
    files[entry.path().lexically_relative(folder).string()] = is_file ? read_file(entry.path()) : "";
  }
  return files;
}

TrackerOptions options_in(const fs::path& folder) {
  fs::create_directories(folder);
  return {"exam", folder, "[run]\nname = \"exam\"\n"};
}

std::vector<Metric> metrics_at(std::int64_t step) {
  return {{"loss", 2.5 / static_cast<double>(step + 1)}, {"tokens_per_second", 1e4}, {"own.metric", -1.0}};
}

void log_steps(Tracker& tracker, std::int64_t begin, std::int64_t end) {
  for (std::int64_t step = begin; step < end; ++step) {
    const std::vector<Metric> metrics = metrics_at(step);
    tracker.log({"train", step, 100 * step, 1.7e9 + 0.5 * static_cast<double>(step), metrics});
  }
}

// From open() to close(), as in a run.
void track(const Subject& subject, const fs::path& folder, std::int64_t begin, std::int64_t end) {
  const auto tracker = subject.make<Tracker>();
  tracker->open(options_in(folder));
  log_steps(*tracker, begin, end);
  tracker->close();
}

void takes_any_record(const Subject& subject) {
  constexpr double kInfinity = std::numeric_limits<double>::infinity();
  constexpr std::int64_t kHuge = std::numeric_limits<std::int64_t>::max();
  const auto tracker = subject.make<Tracker>();
  tracker->open(options_in(subject.folder));
  const auto log = [&](const std::string& what, std::string_view stage, std::int64_t step, double time,
                       std::span<const Metric> metrics) {
    note(what);
    tracker->log({stage, step, step, time, metrics});
  };
  const std::array<Metric, 6> odd{{{"loss", std::numeric_limits<double>::quiet_NaN()},
                                   {"up", kInfinity},
                                   {"down", -kInfinity},
                                   {"tiny", 5e-324},
                                   {"large", std::numeric_limits<double>::max()},
                                   {"minus_zero", -0.0}}};
  const std::array<Metric, 5> named{{{"größe/☃ \"quoted\"\\", 1},
                                     {"with\nnewline\tand tab", 2},
                                     {"\xff\xc0 no UTF-8", 3},
                                     {"", 4},
                                     {"a b", 5}}};
  constexpr int kMany = 200;
  std::vector<std::string> names;
  names.reserve(kMany);
  for (int i = 0; i < kMany; ++i) names.push_back("metric_" + std::to_string(i));
  std::vector<Metric> many;
  many.reserve(kMany);
  for (const std::string& name : names) many.push_back({name, 1.0 / static_cast<double>(many.size() + 1)});
  const std::vector<Metric> usual = metrics_at(1);
  log("numbers that are not finite", "train", 0, 1.7e9, odd);
  log("odd names of metrics", "train", 1, 1.7e9, named);
  log("no metric", "train", 2, 1.7e9, {});
  log("200 metrics", "train", 3, 1.7e9, many);
  log("a step that comes again", "train", 3, 1.7e9, usual);
  log("a step that lies before", "evaluate", 0, 1.7e9, usual);
  log("a huge step", "train", kHuge, 1.7e9, usual);
  log("a stage without a name", "", 5, 0, usual);
  log("a time that is not a number", "train", 6, std::numeric_limits<double>::quiet_NaN(), usual);
  log("a long name", "train", 7, 1e300, std::array{Metric{std::string(5000, 'x'), 1}});
  note("close()");
  tracker->close();
}

void writes_only_in_its_folder(const Subject& subject) {
  const fs::path elsewhere = subject.folder / "elsewhere";
  const fs::path own = subject.folder / "run";
  for (const char* name : {"here", "home", "temporary"}) fs::create_directories(elsewhere / name);
  setenv("HOME", (elsewhere / "home").c_str(), 1);
  setenv("TMPDIR", (elsewhere / "temporary").c_str(), 1);
  fs::current_path(elsewhere / "here");
  fs::create_directories(own);
  const Files before = files_in(elsewhere);
  track(subject, own, 0, 20);
  for (const auto& [name, bytes] : files_in(elsewhere)) {
    expect(before.contains(name), "it made " + shown(name) + ", which is not in the run's folder");
  }
}

void closes_completely(const Subject& subject) {
  const auto tracker = subject.make<Tracker>();
  tracker->open(options_in(subject.folder));
  log_steps(*tracker, 0, 20);
  tracker->close();
  const Files closed = files_in(subject.folder);
  for (const auto& [name, bytes] : closed) {
    expect(fs::is_directory(subject.folder / name) || !bytes.empty(),
           "after close() " + shown(name) + " is empty: everything is to be on disk");
  }
}

void has_nothing_left_to_write(const Subject& subject) {
  auto tracker = subject.make<Tracker>();
  tracker->open(options_in(subject.folder));
  log_steps(*tracker, 0, 20);
  tracker->close();
  const Files closed = files_in(subject.folder);
  tracker.reset();
  expect(files_in(subject.folder) == closed,
         "after close() it wrote more when it was let go: a crash between the two would lose that");
}

void keeps_what_was_there(const Subject& subject) {
  const fs::path folder = subject.folder;
  std::ofstream(folder / "config.resolved.toml") << "[run]\n";
  std::ofstream(folder / "log.txt") << "a line\n";
  track(subject, folder, 0, 20);
  const Files first = files_in(folder);
  track(subject, folder, 20, 22);
  Files second = files_in(folder);
  for (const auto& [name, bytes] : first) {
    expect(second.contains(name), "opened again in the same folder, " + shown(name) + " is gone");
    expect(second[name].size() >= bytes.size(),
           "opened again in the same folder, " + shown(name) + " has lost some of what it held");
  }
  expect(second["config.resolved.toml"] == "[run]\n" && second["log.txt"] == "a line\n",
         "it changed a file of the run that isn't its own");
}

void can_be_left_open(const Subject& subject) {
  note("one that is never opened");
  subject.make<Tracker>();
  note("one that is opened, and never closed");
  const auto tracker = subject.make<Tracker>();
  tracker->open(options_in(subject.folder));
  log_steps(*tracker, 0, 3);
}

void survives_a_folder_that_fails(const Subject& subject) {
  std::ofstream(subject.folder / "file") << "no folder";
  // Not even root can make files in the last.
  for (const fs::path& folder :
       {subject.folder / "missing", subject.folder / "file", fs::path("/proc/self")}) {
    note("the folder " + folder.string());
    const auto tracker = subject.make<Tracker>();
    try {
      tracker->open({"exam", folder, ""});
      log_steps(*tracker, 0, 3);
      tracker->close();
    } catch (const Error& error) {
      expect(!error.message().empty(), "in " + folder.string() + " it fails without a word");
    }
  }
}

void use(const Subject& subject) { track(subject, subject.folder / "use", 0, 20); }

constexpr std::array kTests{
    Test{"takes_any_record",
         "any record is taken: numbers that are not finite, odd names, steps in any order", takes_any_record},
    Test{"writes_only_in_its_folder", "it writes nowhere but in the folder of the run",
         writes_only_in_its_folder},
    Test{"closes_completely", "when close() returns everything is on disk", closes_completely},
    Test{"has_nothing_left_to_write", "after close() nothing is left to be written",
         has_nothing_left_to_write},
    Test{"keeps_what_was_there", "in the folder of a run that goes on, nothing that was there is lost",
         keeps_what_was_there},
    Test{"can_be_left_open", "it can be let go at any time", can_be_left_open},
    Test{"survives_a_folder_that_fails", "where it can't write it throws Error, or goes without",
         survives_a_folder_that_fails},
};

}  // namespace

Suite tracker_suite() { return {Tracker::kKind, Tracker::kInterface, kTests, use}; }

}  // namespace easylm::exam
