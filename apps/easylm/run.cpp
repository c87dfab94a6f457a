// run: checks a pipeline, runs its stages, says what was made and what to try next.
#include <iostream>
#include <string>

#include "exit_code.h"
#include "pipeline/checkup.h"
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
    std::cerr << "To go on from there: [model] from = \"" << outcome.saved.back().uri << "\"\n";
  }
  return exit_code_of(*outcome.failure, outcome.signal);
}

}  // namespace

int run_pipeline(const Invocation& invocation) {
  Session session(invocation.home);
  Diagnostics diagnostics;
  const auto config = session.load(invocation.words.front(), invocation.list("set"), diagnostics);
  report(diagnostics);
  if (!config) return 2;
  std::cerr << describe_run(*config, session.catalogue());
  const SignalGuard guard(session.stop());
  const RunOutcome outcome =
      run_stages(*config, {session.home(), Recording::full}, session.services(), session.console());
  if (outcome.failure) return say_what_failed(outcome, session.log());
  say_what_next(outcome, config->run.name);
  return 0;
}

}  // namespace easylm::app
