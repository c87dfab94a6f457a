// generate: a pipeline of one stage, put together from the command line.
#include <array>
#include <string>
#include <utility>

#include "config/show.h"
#include "model_files.h"
#include "pipeline/model_reference.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

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
      sets.push_back("run." + std::string(key) + "=" + toml_text(given(invocation.text(key))));
  }
  return sets;
}

Table pipeline_of(const Invocation& invocation, Session& session, const ModelLocation& model) {
  Table stage;
  stage.set("type", given("generate"));
  stage.set("model", given(model.uri.empty() ? model.path.string() : model.uri));
  stage.set("prompt", given(invocation.text("prompt")));
  if (invocation.has("json")) stage.set("output", given("json"));
  List stops;
  for (const std::string& stop : invocation.list("stop")) stops.push_back(given(stop));
  if (!stops.empty()) stage.set("stop", {std::move(stops), {}});
  Table run;
  run.set("name", given("generate"));
  Table root;
  root.set("run", {std::move(run), {}});
  root.set("tokenizer", {tokenizer_for(session, model, invocation.text("tokenizer")), {}});
  root.set("stage", {List{{std::move(stage), {}}}, {}});
  return root;
}

}  // namespace

int generate_text(const Invocation& invocation) {
  Session session(invocation.home);
  const ModelLocation model = locate_model(invocation.words.front(), session.home());
  return run_composed(session, pipeline_of(invocation, session, model), overrides(invocation), "generate");
}

}  // namespace easylm::app
