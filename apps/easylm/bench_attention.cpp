// bench attention: a pipeline of one stage that times attention kernels.
#include <algorithm>
#include <array>
#include <string>
#include <utility>
#include <vector>

#include "model_files.h"
#include "session.h"
#include "verb.h"

namespace easylm::app {
namespace {

// Options that are lists of the stage, their members separated by commas.
constexpr std::array<std::pair<const char*, const char*>, 2> kNumbers = {
    {{"lengths", "lengths"}, {"head-dims", "head_dims"}}};
constexpr std::array<const char*, 3> kTexts = {"kernels", "dtypes", "passes"};

List words_of(const std::string& text) {
  List words;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find(',', at), text.size());
    words.push_back(given(text.substr(at, end - at)));
    at = end + 1;
  }
  return words;
}

std::vector<std::string> overrides(const Invocation& invocation) {
  std::vector<std::string> sets;
  for (const auto& [option, key] : kNumbers) {
    if (invocation.has(option))
      sets.push_back("stage.0." + std::string(key) + "=[" + invocation.text(option) + "]");
  }
  if (invocation.has("threads")) sets.push_back("run.threads=" + invocation.text("threads"));
  for (const std::string& set : invocation.list("set")) sets.push_back("stage.0." + set);
  return sets;
}

Table pipeline_of(const Invocation& invocation) {
  Table stage;
  stage.set("type", given("benchmark_attention"));
  for (const char* key : kTexts) {
    if (invocation.has(key)) stage.set(key, {words_of(invocation.text(key)), {"command line", {}, 0, 0}});
  }
  for (const char* key : {"preset", "csv", "svg"}) {
    if (invocation.has(key)) stage.set(key, given(invocation.text(key)));
  }
  if (invocation.has("json")) stage.set("output", given("json"));
  Table run;
  run.set("name", given("bench-attention"));
  if (invocation.has("device")) run.set("device", given(invocation.text("device")));
  Table root;
  root.set("run", {std::move(run), {}});
  root.set("stage", {List{{std::move(stage), {}}}, {}});
  return root;
}

}  // namespace

int bench_attention(const Invocation& invocation) {
  Session session(invocation.home);
  return run_composed(session, pipeline_of(invocation), overrides(invocation), "bench");
}

}  // namespace easylm::app
