// Takes turns with SIGSTOP and SIGCONT.
#include "swap/interleave.h"

#include <algorithm>
#include <csignal>
#include <memory>
#include <thread>

#include "easylm/error.h"
#include "platform/child_process.h"

namespace easylm {
namespace {

using Clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds kLook{5};  // how often a running job is looked at
constexpr int kMostReprieves = 2000;           // looks during which a job may not be paused

// The clock that metrics have.
double now() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

class Interleaver {
 public:
  Interleaver(std::span<const Job> jobs, const Turns& turns, const StopToken& stop)
      : jobs_(jobs), turns_(turns), stop_(stop), children_(jobs.size()) {
    outcome_.jobs.resize(jobs.size());
  }

  Interleaved run() && {
    for (bool forth = true; !all_ended(); forth = !forth) {
      for (std::size_t i = 0; i < jobs_.size(); ++i) {
        take_turn(forth ? i : jobs_.size() - 1 - i);
        if (stop_.requested()) give_up(stop_.signal());
        if (outcome_.failed) {
          end_all(SIGTERM);
          return std::move(outcome_);
        }
      }
    }
    return std::move(outcome_);
  }

 private:
  bool all_ended() const {
    return std::ranges::all_of(children_, [](const auto& child) { return child && child->ended(); });
  }

  void take_turn(std::size_t index) {
    std::unique_ptr<ChildProcess>& child = children_[index];
    if (child && child->ended()) return;
    turns_.on_turn(index);
    const double begin = now();
    const auto until = Clock::now() + turns_.slice;
    if (child) {
      child->resume();
    } else {
      const Job& job = jobs_[index];
      child = std::make_unique<ChildProcess>(job.program, job.arguments, ChildFiles{job.output, {}});
    }
    while (Clock::now() < until && !child->ended() && !stop_.requested()) std::this_thread::sleep_for(kLook);
    pause(*child);
    outcome_.jobs[index].slices.push_back({begin, now()});
    if (child->ended()) note_end(index);
  }

  void pause(ChildProcess& child) const {
    for (int i = 0; i < kMostReprieves; ++i) {
      child.pause();
      if (child.ended() || turns_.may_pause(child.id())) return;
      child.resume();
      std::this_thread::sleep_for(kLook);
    }
    child.pause();
  }

  void note_end(std::size_t index) {
    JobOutcome& job = outcome_.jobs[index];
    job.process = children_[index]->id();
    job.exit_code = children_[index]->exit_code();
    job.peak_bytes = children_[index]->peak_bytes();
    if (job.exit_code != 0 && !outcome_.failed) outcome_.failed = index;
  }

  // All at once: what they have to save is saved sooner.
  void end_all(int signal) {
    for (auto& child : children_) {
      if (child) child->signal(signal);
    }
    for (auto& child : children_) {
      while (child && !child->ended()) std::this_thread::sleep_for(kLook);
    }
  }

  [[noreturn]] void give_up(int signal) {
    end_all(signal);
    throw Error(ErrorCode::interrupted, "stopped before all had ended", "the same command again begins anew");
  }

  std::span<const Job> jobs_;
  const Turns& turns_;
  const StopToken& stop_;
  std::vector<std::unique_ptr<ChildProcess>> children_;
  Interleaved outcome_;
};

}  // namespace

Interleaved run_interleaved(std::span<const Job> jobs, const Turns& turns, const StopToken& stop) {
  return Interleaver(jobs, turns, stop).run();
}

}  // namespace easylm
