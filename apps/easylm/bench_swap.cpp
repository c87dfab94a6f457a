// bench swap: the same training with one component or another, as one table and one picture.
#include <chrono>
#include <filesystem>
#include <iostream>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench_pipeline.h"
#include "exit_code.h"
#include "model_files.h"
#include "pipeline/run_folder.h"
#include "platform/signals.h"
#include "session.h"
#include "swap/swap.h"
#include "swap/variants.h"
#include "text_file.h"
#include "verb.h"

namespace easylm::app {
namespace {

constexpr double kShortestSliceSeconds = 0.05;
constexpr std::chrono::seconds kMorePatience{5};  // than the variants have

void say_what_is_left_out(const VaryRequest& vary, const Variant& variant) {
  std::string keys;
  for (const std::string& key : variant.left_out) keys += (keys.empty() ? "" : ", ") + key;
  if (keys.empty()) return;
  std::cerr << "note: " << vary.key << " = " << variant.name << " has no " << keys << ": left out\n";
}

// What is wrong with any variant is reported. REQUIRES: `request` knows what varies.
bool check_variants(Session& session, const Table& root, const Invocation& invocation,
                    const VaryRequest& vary, SwapRequest& request) {
  const std::string file = invocation.words.front();
  Diagnostics diagnostics;
  const auto stage = training_stage(root, session.catalogue(), diagnostics);
  std::vector<Variant> variants = make_variants(root, vary, session.catalogue(), diagnostics);
  for (Variant& variant : variants) {
    if (!stage) break;
    VariantSettings settings{run_name_of(root, file) + "-" + variant.name, *stage, {}};
    if (invocation.has("steps")) settings.steps = invocation.integer("steps");
    prepare_variant(variant.root, settings);
    Diagnostics own;
    auto config = session.check(variant.root, file, {}, own);
    diagnostics.append(own);
    if (!config) continue;
    log_for_a_curve(*config, *stage);
    request.variants.push_back({variant.name, *std::move(config)});
  }
  report(diagnostics);
  if (diagnostics.has_errors()) return false;
  for (const Variant& variant : variants) say_what_is_left_out(vary, variant);
  request.stage = *stage;
  request.kind = variants.front().kind;
  return true;
}

void say_what_runs(const SwapRequest& request) {
  std::string names;
  for (const CheckedVariant& variant : request.variants) names += (names.empty() ? "" : ", ") + variant.name;
  std::cerr << "compares " << request.key << " = " << names << ", in turns of " << request.slice.count()
            << " s; their logs: " << request.folder.string() << "\n";
  if (!request.variants.front().config.checkpoint) {
    std::cerr << "note: there is no [checkpoint] table, so nothing of this will be in the registry\n";
  }
}

void show(const SwapFigures& figures, const SwapRequest& request, const Invocation& invocation) {
  const std::filesystem::path picture = invocation.text("output", request.folder / "swap.svg");
  const std::string table = swap_table(figures);
  write_text(request.folder / "table.md", table);
  write_text(request.folder / "results.json", swap_json(figures, Curves::include));
  write_text(picture, swap_svg(figures));
  std::cout << (invocation.has("json") ? swap_json(figures, Curves::leave_out) : table);
  std::cerr << "\nThe picture: " << picture.string() << "\nTable and curves: " << request.folder.string()
            << "\n";
  if (figures.variants.front().version.empty()) return;
  std::cerr << "Their models: easylm registry query 'tags.bench = \"" << figures.id << "\"'\n";
}

}  // namespace

int bench_swap(const Invocation& invocation) {
  const VaryRequest vary = parse_vary(invocation.text("vary"));
  const double slice = invocation.real("slice");
  if (!(slice >= kShortestSliceSeconds)) {
    throw Error(ErrorCode::invalid_config, "--slice must be at least 0.05 seconds", "5 is the default");
  }
  Session session(invocation.home);
  Diagnostics diagnostics;
  const auto root = read_pipeline(invocation.words.front(), invocation.list("set"), diagnostics);
  report(diagnostics);
  if (!root) return 2;
  SwapRequest request{.home = session.home(), .folder = {}, .key = vary.key, .kind = {}, .variants = {}};
  request.slice = std::chrono::duration<double>(slice);
  if (!check_variants(session, *root, invocation, vary, request)) return 2;
  request.folder = make_bench_folder(session.home(), run_name_of(*root, invocation.words.front()));
  say_what_runs(request);
  const std::chrono::seconds patience(request.variants.front().config.stop_timeout_seconds);
  const SignalGuard guard(session.stop(), patience + kMorePatience);
  try {
    show(run_swap(request, session.catalogue(), session.console(), session.stop()), request, invocation);
  } catch (const Error& error) {
    if (error.code() != ErrorCode::interrupted) throw;
    say_error(error);
    return exit_code_of(error, session.stop().signal());
  }
  return 0;
}

}  // namespace easylm::app
