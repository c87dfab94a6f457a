// The exam of easylm.schedule/1.
#include "suites.h"

#include <array>
#include <cmath>
#include <vector>

#include "easylm/error.h"
#include "easylm/schedule.h"

namespace easylm::exam {
namespace {

constexpr std::int64_t kTotalSteps = 1000;
constexpr std::array<std::int64_t, 10> kSteps{0, 1, 2, 10, 99, 100, 500, 999, 1000, 100'000};

// Planned, if it can be planned for so few steps.
std::shared_ptr<Schedule> planned(const Subject& subject) {
  auto schedule = subject.make<Schedule>();
  schedule->plan(kTotalSteps);
  return schedule;
}

std::string at_text(std::int64_t step) { return "at(" + std::to_string(step) + ")"; }

void gives_usable_rates(const Subject& subject) {
  const auto schedule = planned(subject);
  for (const std::int64_t step : kSteps) {
    note(at_text(step));
    const double rate = schedule->at(step);
    expect(std::isfinite(rate) && rate >= 0,
           at_text(step) + " is " + std::to_string(rate) + ": a learning rate is finite and not negative");
  }
  note(at_text(std::int64_t{1} << 60));
  expect(std::isfinite(schedule->at(std::int64_t{1} << 60)),
         at_text(std::int64_t{1} << 60) + " is not finite");
}

void is_pure(const Subject& subject) {
  const auto forwards = planned(subject);
  const auto backwards = planned(subject);
  std::vector<double> rates;
  rates.reserve(kTotalSteps);
  for (std::int64_t step = 0; step < kTotalSteps; ++step) rates.push_back(forwards->at(step));
  for (std::int64_t step = kTotalSteps - 1; step >= 0; --step) {
    const double rate = rates[static_cast<std::size_t>(step)];
    expect(backwards->at(step) == rate, at_text(step) + " depends on what was asked before it");
    expect(forwards->at(step) == rate, at_text(step) + " is another number when it is asked a second time");
  }
}

void serves_many_threads(const Subject& subject) {
  const auto schedule = planned(subject);
  const double first = schedule->at(7);
  in_threads(4, [&](int) {
    for (std::int64_t i = 0; i < 20'000; ++i) {
      (void)schedule->at(i % kTotalSteps);
      expect(schedule->at(7) == first, "at(7) changed while other threads asked for other steps");
    }
  });
}

void can_be_planned(const Subject& subject) {
  for (const std::int64_t total :
       {std::int64_t{1}, std::int64_t{2}, std::int64_t{37}, std::int64_t{1} << 40}) {
    const auto schedule = subject.make<Schedule>();
    note("plan(" + std::to_string(total) + ")");
    try {
      schedule->plan(total);
    } catch (const Error& error) {
      expect(error.code() == ErrorCode::invalid_config,
             "plan(" + std::to_string(total) +
                 ") may be refused with Error{invalid_config} only, and was with Error{" +
                 std::string(name_of(error.code())) + "}");
      continue;
    }
    for (const std::int64_t step : {std::int64_t{0}, total / 2, total - 1}) {
      const double rate = schedule->at(step);
      expect(std::isfinite(rate) && rate >= 0, "planned for " + std::to_string(total) + " steps, " +
                                                   at_text(step) + " is " + std::to_string(rate));
    }
  }
}

void use(const Subject& subject) {
  const auto schedule = planned(subject);
  for (const std::int64_t step : kSteps) (void)schedule->at(step);
}

constexpr std::array kTests{
    Test{"gives_usable_rates", "at() is finite and not negative at every step", gives_usable_rates},
    Test{"is_pure", "at() depends on the step alone", is_pure},
    Test{"serves_many_threads", "at() may be called from any thread", serves_many_threads},
    Test{"can_be_planned", "plan() is followed or refused with Error{invalid_config}", can_be_planned},
};

}  // namespace

Suite schedule_suite() { return {Schedule::kKind, Schedule::kInterface, kTests, use}; }

}  // namespace easylm::exam
