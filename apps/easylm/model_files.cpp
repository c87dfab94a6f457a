// Locks what is read, and stops when told to.
#include "model_files.h"

#include <chrono>
#include <iostream>
#include <utility>

#include "easylm/huggingface_folder.h"
#include "exit_code.h"
#include "pipeline/model_tokenizer.h"
#include "pipeline/runner.h"
#include "platform/signals.h"

namespace easylm::app {
namespace {

constexpr std::chrono::seconds kPatience{60};

}  // namespace

ReadPlace read_place(const std::string& reference, const Session& session) {
  FileSystem files;
  ModelLocation location = locate_model(reference, session.home());
  FolderLock in_use = files.try_share(location.path);
  return {std::move(location), std::move(in_use)};
}

Table tokenizer_for(Session& session, const ModelLocation& model, const std::string& named) {
  Table table;
  if (session.catalogue().find("tokenizer", named) != nullptr) {
    table.set("type", given(named));
    return table;
  }
  if (!named.empty()) {
    table.set("type", given("auto"));
    table.set("path", given(named));
    return table;
  }
  table = model_tokenizer(model, session.catalogue());
  if (table.find("path") != nullptr) {
    RunHost host = session.make_host();
    find_tokenizer_files(host, model.path);  // throws if there are none
  }
  return table;
}

Value given(const std::string& text) { return {text, {"command line", {}, 0, 0}}; }

int run_stoppable(const Invocation& invocation, const std::function<int(Session&)>& body) {
  Session session(invocation.home);
  const SignalGuard guard(session.stop(), kPatience);
  try {
    return body(session);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::interrupted) throw;
    say_error(error);
    return exit_code_of(error, session.stop().signal());
  }
}

int run_composed(Session& session, const Table& root, const std::vector<std::string>& sets,
                 const std::string& word) {
  Diagnostics diagnostics;
  const auto config = session.check(root, "command line", sets, diagnostics);
  report(diagnostics);
  if (!config) return 2;
  const SignalGuard guard(session.stop(), std::chrono::seconds(config->stop_timeout_seconds));
  const RunOutcome outcome =
      run_stages(*config, {session.home(), Recording::none}, session.services(), session.console());
  if (!outcome.failure) return 0;
  session.log().write(word, *outcome.failure);
  return exit_code_of(*outcome.failure, outcome.signal);
}

void say_error(const Error& error) {
  std::cerr << "error: " << error.message() << "\n";
  if (!error.hint().empty()) std::cerr << "hint: " << error.hint() << "\n";
}

}  // namespace easylm::app
