// generate: a pipeline of one stage, put together from the command line.
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "config/show.h"
#include "easylm/json.h"
#include "exit_code.h"
#include "pipeline/model_reference.h"
#include "pipeline/runner.h"
#include "platform/signals.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

Value text(const std::string& x) { return {x, {"command line", {}, 0, 0}}; }

// The tokenizer that was used to make the model: its version says so.
Table tokenizer_for(const Invocation& invocation, const ModelLocation& model) {
  Table table;
  if (invocation.has("tokenizer")) {
    table.set("type", text(invocation.text("tokenizer")));
    return table;
  }
  if (std::optional<Table> recorded = recorded_table(model.path, "tokenizer")) return *recorded;
  throw Error(ErrorCode::not_found,
              "nothing in " + model.path.string() + " says which tokenizer the model needs",
              "name one with --tokenizer (easylm plugins list shows what is installed)");
}

// Options that are keys of the stage, and those of [run].
constexpr std::array<std::pair<const char*, const char*>, 7> kStageKeys = {{
    {"max-new-tokens", "max_new_tokens"},
    {"temperature", "temperature"},
    {"top-k", "top_k"},
    {"top-p", "top_p"},
    {"min-p", "min_p"},
    {"repetition-penalty", "repetition_penalty"},
    {"seed", "seed"},
}};

std::vector<std::string> overrides(const Invocation& invocation) {
  std::vector<std::string> sets;
  for (const auto& [option, key] : kStageKeys) {
    if (invocation.has(option)) sets.push_back("stage.0." + std::string(key) + "=" + invocation.text(option));
  }
  for (const char* key : {"device", "precision"}) {
    if (invocation.has(key))
      sets.push_back("run." + std::string(key) + "=" + toml_text(text(invocation.text(key))));
  }
  return sets;
}

Table pipeline_of(const Invocation& invocation, const ModelLocation& model) {
  Table stage;
  stage.set("type", text("generate"));
  stage.set("model", text(model.uri.empty() ? model.path.string() : model.uri));
  stage.set("prompt", text(invocation.text("prompt")));
  if (invocation.has("json")) stage.set("output", text("json"));
  List stops;
  for (const std::string& stop : invocation.list("stop")) stops.push_back(text(stop));
  if (!stops.empty()) stage.set("stop", {std::move(stops), {}});
  Table run;
  run.set("name", text("generate"));
  Table root;
  root.set("run", {std::move(run), {}});
  root.set("tokenizer", {tokenizer_for(invocation, model), {}});
  root.set("stage", {List{{std::move(stage), {}}}, {}});
  return root;
}

}  // namespace

int generate_text(const Invocation& invocation) {
  Session session(invocation.home);
  const ModelLocation model = locate_model(invocation.words.front(), session.home());
  Diagnostics diagnostics;
  const auto config =
      session.check(pipeline_of(invocation, model), "command line", overrides(invocation), diagnostics);
  report(diagnostics);
  if (!config) return 2;
  const SignalGuard guard(session.stop());
  const RunOutcome outcome =
      run_stages(*config, {session.home(), Recording::none}, session.services(), session.console());
  if (!outcome.failure) return 0;
  session.log().write("generate", *outcome.failure);
  return exit_code_of(*outcome.failure, outcome.signal);
}

}  // namespace easylm::app
