// The exam of easylm.stage/1.
#include "easylm/stage.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "easylm/error.h"
#include "stage_trial.h"
#include "suites.h"

namespace easylm::exam {
namespace {

// A run that must come to its end.
Seen whole_run(const Subject& subject, const char* folder = "home") {
  Seen seen = run_stage(subject, subject.folder / folder, Ordeal::none);
  expect(seen.foreign.empty(), "it threw what is not an easylm::Error: " + seen.foreign);
  if (seen.failure) throw Error(*seen.failure).within("it did not run to its end");
  return seen;
}

void keeps_to_its_ports(const Subject& subject) {
  const Seen seen = whole_run(subject);
  expect(seen.strange.empty(),
         seen.strange.empty() ? "" : seen.strange.front() + ", which it doesn't declare");
  for (const std::string& port : subject.described.makes) {
    expect(seen.made.contains(port),
           "it ended, and the port " + shown(port) + ", which it declares, was not made");
  }
}

void says_how_far_it_is(const Subject& subject) {
  std::int64_t before = 0;
  for (const auto& [done, total] : whole_run(subject).progress) {
    const std::string text = "progress(" + std::to_string(done) + ", " + std::to_string(total) + ")";
    expect(done >= 0 && total >= 0, text + " is negative");
    expect(total == 0 || done <= total, text + " is beyond the end");
    expect(done >= before, text + " comes after " + std::to_string(before) + ": progress does not go back");
    before = done;
  }
}

void measures_numbers(const Subject& subject) {
  for (const SeenMetric& metric : whole_run(subject).metrics) {
    expect(!metric.name.empty(), "a metric of step " + std::to_string(metric.step) + " has no name");
    expect(std::isfinite(metric.value), "the metric " + shown(metric.name) + " of step " +
                                            std::to_string(metric.step) + " is " +
                                            std::to_string(metric.value));
    expect(metric.step >= 0,
           "the metric " + shown(metric.name) + " is of step " + std::to_string(metric.step));
  }
}

void is_deterministic(const Subject& subject) {
  if (subject.described.needs.empty() && subject.described.makes.empty()) {
    throw NotApplicable("it takes nothing and makes nothing: what it says is of the machine");
  }
  const auto first = lasting(subject, whole_run(subject, "first"));
  const auto second = lasting(subject, whole_run(subject, "second"));
  for (const auto& [what, bytes] : first) {
    const auto found = second.find(what);
    expect(found != second.end(), "run again with the same seed, there is no " + what);
    expect(found->second == bytes, "run again with the same seed, " + what + " is other: " + shown(bytes) +
                                       ", then " + shown(found->second));
  }
  expect(first.size() == second.size(), "run again with the same seed, it measures or makes more");
}

void stops_when_asked(const Subject& subject) {
  constexpr double kSoon = 10;  // seconds
  const Seen seen = run_stage(subject, subject.folder, Ordeal::stopped);
  expect(seen.foreign.empty(), "asked to stop, it threw what is not an easylm::Error: " + seen.foreign);
  expect(!seen.failure || seen.failure->code() == ErrorCode::interrupted,
         seen.failure ? "asked to stop, it should end or throw Error{interrupted}, and threw Error{" +
                            std::string(name_of(seen.failure->code())) + "}: " + seen.failure->message()
                      : "");
  expect(seen.seconds < kSoon, "asked to stop before it began, it went on for " +
                                   std::to_string(seen.seconds) + " s: long loops look at Host::stop()");
}

void passes_failures_on(const Subject& subject) {
  bool any = false;
  for (const auto& [ordeal, call] :
       {std::pair(Ordeal::without_input, "input()"), std::pair(Ordeal::without_print, "print()")}) {
    note(std::string(call) + " that fails");
    const Seen seen = run_stage(subject, subject.folder / call, ordeal);
    if (seen.refusals == 0) continue;
    any = true;
    expect(seen.foreign.empty(),
           std::string(call) + " failed, and it threw what is not an easylm::Error: " + seen.foreign);
    expect(seen.failure.has_value(), std::string(call) + " failed, and it ended as if nothing had happened");
  }
  if (!any) throw NotApplicable("it takes no input and prints nothing");
}

void use(const Subject& subject) {
  whole_run(subject, "use");
  std::filesystem::remove_all(subject.folder / "use");
}

constexpr std::array kTests{
    Test{"keeps_to_its_ports", "it touches the ports that it declares, and makes all that it says it makes",
         keeps_to_its_ports},
    Test{"says_how_far_it_is", "progress does not go back, and not beyond the end", says_how_far_it_is},
    Test{"measures_numbers", "metrics have names and are finite", measures_numbers},
    Test{"is_deterministic", "the same seed gives the same output, unless it takes and makes nothing",
         is_deterministic},
    Test{"stops_when_asked", "a stop that was requested ends it soon, or is answered with Error{interrupted}",
         stops_when_asked},
    Test{"passes_failures_on", "what fails around it, it passes on as Error", passes_failures_on},
};

}  // namespace

Suite stage_suite() { return {Stage::kKind, Stage::kInterface, kTests, use}; }

}  // namespace easylm::exam
