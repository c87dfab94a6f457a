// tokenize train: a pipeline of one stage, put together from the command line.
#include <string>
#include <utility>
#include <vector>

#include "model_files.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

List texts(const std::vector<std::string>& all) {
  List list;
  for (const std::string& text : all) list.push_back(given(text));
  return list;
}

Table pipeline_of(const Invocation& invocation) {
  Table stage;
  stage.set("type", given("train_tokenizer"));
  stage.set("paths", {texts(invocation.words), {}});
  stage.set("vocabulary_size", {invocation.integer("vocab-size"), {}});
  if (invocation.has("style")) stage.set("style", given(invocation.text("style")));
  if (invocation.has("special")) stage.set("special_tokens", {texts(invocation.list("special")), {}});
  stage.set("output", given(invocation.text("output")));
  Table run;
  run.set("name", given("tokenizer"));
  Table root;
  root.set("run", {std::move(run), {}});
  root.set("stage", {List{{std::move(stage), {}}}, {}});
  return root;
}

}  // namespace

int train_tokenizer(const Invocation& invocation) {
  Session session(invocation.home);
  return run_composed(session, pipeline_of(invocation), {}, "tokenize");
}

}  // namespace easylm::app
