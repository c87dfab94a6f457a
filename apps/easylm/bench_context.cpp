// bench context: the longest sequence that trains within a memory limit, for each attention.
#include <algorithm>
#include <chrono>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "bench_pipeline.h"
#include "config/overrides.h"
#include "exit_code.h"
#include "model_files.h"
#include "pipeline/run_folder.h"
#include "platform/memory_limit.h"
#include "session.h"
#include "swap/context.h"
#include "swap/context_variants.h"
#include "swap/variants.h"
#include "text_file.h"
#include "verb.h"

namespace easylm::app {
namespace {

[[noreturn]] void refuse(const std::string& message, const std::string& hint) {
  throw Error(ErrorCode::invalid_config, message, hint);
}

std::vector<ContextVariant> variants_of(const Invocation& invocation, const Table& root, std::size_t stage,
                                        const Session& session) {
  std::vector<ContextVariant> variants;
  const std::vector<std::string> texts = invocation.list("variant");
  variants.reserve(texts.size());
  for (const std::string& text : texts) variants.push_back(parse_context_variant(text));
  if (variants.empty()) variants = usual_context_variants(root, stage, session.catalogue());
  for (auto variant = variants.begin(); variant != variants.end(); ++variant) {
    const auto twin = std::find_if(variants.begin(), variant,
                                   [&](const ContextVariant& other) { return other.name == variant->name; });
    if (twin != variant) refuse("two variants are called '" + variant->name + "'", "give each its own name");
  }
  return variants;
}

ContextRequest request_of(const Invocation& invocation) {
  ContextRequest request{
      .folder = {}, .variants = {}, .limit = MemoryLimit(parse_bytes(invocation.text("memory")))};
  request.step = invocation.integer("step");
  request.most = invocation.integer("most");
  request.common_length = invocation.integer("at");
  request.patience = std::chrono::duration<double>(invocation.real("patience"));
  if (request.step < 1) refuse("--step must be at least 1", "512 is the default");
  if (request.most < request.step) refuse("--most must be at least --step", "1048576 is the default");
  if (request.common_length < 0) refuse("--at must be at least 0", "16384 is the default");
  if (!(request.patience.count() > 0)) refuse("--patience must be above 0", "600 is the default");
  return request;
}

// What is wrong with any variant is reported.
bool check_variants(Session& session, const Table& root, const std::string& file,
                    const std::vector<ContextVariant>& variants, ContextRequest& request) {
  Diagnostics diagnostics;
  for (const ContextVariant& variant : variants) {
    Diagnostics own;
    Table changed = root;
    apply_sets(changed, variant.sets, own);
    prepare_variant(changed, {"trial", request.stage, {}});
    auto config = session.check(changed, file, {}, own);
    diagnostics.append(own);
    if (!config) continue;
    if (const std::string problem = context_problem(*config); !problem.empty()) {
      refuse(std::string(file).append(" can't be trained on longer sequences: ").append(problem),
             "configs/shakespeare.toml is an example of one that can");
    }
    request.variants.push_back({variant.name, *std::move(config)});
  }
  report(diagnostics);
  return !diagnostics.has_errors();
}

void say_what_runs(const ContextRequest& request) {
  std::string names;
  for (const CheckedVariant& variant : request.variants) names += (names.empty() ? "" : ", ") + variant.name;
  std::cerr << "looks for the longest sequence of " << names << " within " << (request.limit.bytes() >> 20)
            << " MiB (" << MemoryLimit::name() << "); the trials' logs: " << request.folder.string() << "\n";
}

void show(const ContextFigures& figures, const ContextRequest& request, const Invocation& invocation) {
  const std::filesystem::path picture = invocation.text("svg", request.folder / "context.svg");
  write_text(request.folder / "table.md", context_table(figures));
  write_text(request.folder / "results.json", context_json(figures));
  write_text(picture, context_svg(figures));
  std::cout << (invocation.has("json") ? context_json(figures) : context_table(figures));
  std::cerr << "\nThe picture: " << picture.string() << "\nTable and trials: " << request.folder.string()
            << "\n";
}

// Nothing to compare is an error; what failed is one, too, beside what the others came to.
int exit_code_for(const ContextFigures& figures, const ContextRequest& request) {
  const auto longest = [](const ContextOfVariant& variant) { return variant.search.longest; };
  const auto failed = [](const ContextOfVariant& v) { return v.search.beyond_end == TrialEnd::failed; };
  if (std::ranges::any_of(figures.variants, failed)) return 1;
  const bool nothing_fits =
      std::ranges::all_of(figures.variants, [&](const auto& variant) { return longest(variant) == 0; });
  if (!nothing_fits) return 0;
  const bool in_time = std::ranges::none_of(
      figures.variants, [](const auto& v) { return v.search.beyond_end == TrialEnd::out_of_time; });
  const std::string tokens = "not even " + std::to_string(request.step) + " tokens ";
  const std::string limit = std::to_string(request.limit.bytes() >> 20) + " MiB";
  say_error(in_time
                ? Error(ErrorCode::invalid_config, tokens + "fit: " + limit + " are too few for this model",
                        "raise --memory, or lower --step")
                : Error(ErrorCode::invalid_config, tokens + "were trained within --patience",
                        "raise --patience, or lower --step"));
  return 2;
}

int compare(const Invocation& invocation, Session& session) {
  const std::string file = invocation.words.front();
  ContextRequest request = request_of(invocation);
  Diagnostics diagnostics;
  const auto root = read_pipeline(file, invocation.list("set"), diagnostics);
  report(diagnostics);
  if (!root) return 2;
  Diagnostics of_stage;
  const auto stage = training_stage(*root, session.catalogue(), of_stage);
  report(of_stage);
  if (!stage) return 2;
  request.stage = *stage;
  const std::vector<ContextVariant> variants = variants_of(invocation, *root, *stage, session);
  if (!check_variants(session, *root, file, variants, request)) return 2;
  request.folder = make_bench_folder(session.home(), run_name_of(*root, file));
  say_what_runs(request);
  ContextFigures figures = run_context(request, session.console(), session.stop());
  for (std::size_t i = 0; i < variants.size(); ++i) figures.variants[i].sets = variants[i].sets;
  show(figures, request, invocation);
  return exit_code_for(figures, request);
}

}  // namespace

int bench_context(const Invocation& invocation) {
  return run_stoppable(invocation, [&](Session& session) { return compare(invocation, session); });
}

}  // namespace easylm::app
