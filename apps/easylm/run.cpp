// run: checks a pipeline, runs its stages, says what was made and what to try next.
#include <chrono>
#include <iostream>
#include <string>

#include "exit_code.h"
#include "pipeline/checkup.h"
#include "pipeline/resume.h"
#include "pipeline/runner.h"
#include "platform/signals.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

void list_saved(const RunOutcome& outcome) {
  const std::size_t count = outcome.saved.size();
  for (std::size_t i = count > 3 ? count - 3 : 0; i < count; ++i) {
    std::cerr << "  " << outcome.saved[i].uri << "  " << outcome.saved[i].path.string() << "\n";
  }
}

void say_what_next(const RunOutcome& outcome, const std::string& name) {
  std::cerr << "\n";
  if (!outcome.saved.empty()) {
    std::cerr << "Made (each folder is a Hugging Face model):\n";
    list_saved(outcome);
    std::cerr << "\nTry next:\n"
              << "  easylm generate " << name << " --prompt \"…\"\n"
              << "  easylm registry show " << name << "\n";
  }
  if (!outcome.folder.empty()) std::cerr << "Log and metrics: " << outcome.folder.string() << "\n";
}

int say_what_failed(const RunOutcome& outcome, Log& log) {
  log.write("run", *outcome.failure);
  if (outcome.saved.empty()) {
    std::cerr << "Nothing was saved.\n";
  } else {
    std::cerr << "Saved before that:\n";
    list_saved(outcome);
    std::cerr << "To go on from there: run the same command again\n";
  }
  return exit_code_of(*outcome.failure, outcome.signal);
}

int say_that_all_is_done(const ResumePoint& point) {
  std::cerr << "Nothing to do: this very pipeline came to its end, and made " << point.version.uri << "  "
            << point.version.path.string() << "\n"
            << "To train longer raise `steps`; to train anew give --resume never\n";
  return 0;
}

}  // namespace

int run_pipeline(const Invocation& invocation) {
  Session session(invocation.home);
  Diagnostics diagnostics;
  const auto config = session.load(invocation.words.front(), invocation.list("set"), diagnostics);
  report(diagnostics);
  if (!config) return 2;
  const auto resume = find_resume_point(*config, session.home(), invocation.text("resume"));
  if (resume && resume->complete) return say_that_all_is_done(*resume);
  std::cerr << describe_run(*config, session.catalogue());
  if (resume) std::cerr << "Goes on from " << resume->version.uri << ", step " << resume->step << "\n";
  const SignalGuard guard(session.stop(), std::chrono::seconds(config->stop_timeout_seconds));
  const RunOutcome outcome =
      run_stages(*config, {session.home(), Recording::full, resume}, session.services(), session.console());
  if (outcome.failure) return say_what_failed(outcome, session.log());
  say_what_next(outcome, config->run.name);
  return 0;
}

}  // namespace easylm::app
