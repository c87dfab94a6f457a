// verify-export: a pipeline of one stage that compares two models.
#include <array>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "config/show.h"
#include "model_files.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

std::vector<std::string> overrides(const Invocation& invocation) {
  std::vector<std::string> sets;
  if (invocation.has("tolerance")) sets.push_back("stage.0.tolerance=" + invocation.text("tolerance"));
  for (const char* key : {"device", "precision"}) {
    if (invocation.has(key))
      sets.push_back("run." + std::string(key) + "=" + toml_text(given(invocation.text(key))));
  }
  return sets;
}

// Each side's own tokenizer. Files that hold none are verified with the other side's, which is said.
std::array<Table, 2> tokenizers_of(Session& session, const std::array<ModelLocation, 2>& models,
                                   const std::string& named) {
  std::array<Table, 2> tables;
  std::optional<Error> missing;
  for (std::size_t i = 0; i < 2; ++i) {
    try {
      tables[i] = tokenizer_for(session, models[i], named);
    } catch (const Error& error) {
      if (error.code() != ErrorCode::not_found || missing) throw;
      missing = error;
    }
  }
  if (!missing) return tables;
  Table& empty = tables[0].settings.empty() ? tables[0] : tables[1];
  empty = tables[0].settings.empty() ? tables[1] : tables[0];
  std::cerr << "note: " << missing->message() << "; the other side's is used for both\n";
  return tables;
}

Table pipeline_of(const Invocation& invocation, Session& session) {
  const std::array<ModelLocation, 2> models = {locate_model(invocation.words[0], session.home()),
                                               locate_model(invocation.words[1], session.home())};
  const std::array<Table, 2> tokenizers = tokenizers_of(session, models, invocation.text("tokenizer"));
  const auto place = [&](const ModelLocation& m) { return given(m.uri.empty() ? m.path.string() : m.uri); };
  Table stage;
  stage.set("type", given("verify_export"));
  stage.set("model", place(models[0]));
  stage.set("export", place(models[1]));
  stage.set("tokenizer_a", {tokenizers[0], {}});
  stage.set("tokenizer_b", {tokenizers[1], {}});
  if (invocation.has("text")) stage.set("text", given(invocation.text("text")));
  List prompts;
  for (const std::string& prompt : invocation.list("prompt")) prompts.push_back(given(prompt));
  if (!prompts.empty()) stage.set("prompts", {std::move(prompts), {}});
  if (invocation.has("json")) stage.set("output", given("json"));
  Table run;
  run.set("name", given("verify-export"));
  Table root;
  root.set("run", {std::move(run), {}});
  root.set("stage", {List{{std::move(stage), {}}}, {}});
  return root;
}

}  // namespace

int verify_export(const Invocation& invocation) {
  Session session(invocation.home);
  return run_composed(session, pipeline_of(invocation, session), overrides(invocation), "verify-export");
}

}  // namespace easylm::app
