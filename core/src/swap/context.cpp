// Runs trials as children.
#include "swap/context.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <limits>
#include <optional>
#include <string_view>
#include <thread>
#include <utility>

#include "easylm/error.h"
#include "easylm/json.h"
#include "platform/child_process.h"
#include "platform/files.h"
#include "swap/context_variants.h"
#include "swap/failure.h"

namespace easylm {
namespace {

constexpr std::size_t kMostOutput = std::size_t{1} << 26;
constexpr int kCommonRounds = 3;
constexpr std::int64_t kCommonSteps = 2;  // the first one takes memory from the system, the last one counts
constexpr std::chrono::milliseconds kPause{20};

// How a program says that there is no memory: our allocator and LibTorch's, the C++ library, the C library,
// the loader of libraries, a thread without room for its stack.
constexpr std::array<std::string_view, 6> kOutOfMemory = {
    "out of memory",          "can't allocate memory", "bad_alloc",
    "cannot allocate memory", "failed to map segment", "resource temporarily unavailable"};

bool says_out_of_memory(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::ranges::any_of(kOutOfMemory, [&](auto words) { return text.find(words) != text.npos; });
}

// The last step's, of metrics.jsonl.
std::optional<double> seconds_per_token(std::string_view jsonl) {
  std::optional<double> result;
  while (!jsonl.empty()) {
    const std::size_t end = std::min(jsonl.find('\n'), jsonl.size() - 1);
    const Table record = parse_json_object(jsonl.substr(0, end + 1), "metrics.jsonl");
    jsonl.remove_prefix(end + 1);
    const Value* rate = record.find("tokens_per_second");
    const auto* number = rate == nullptr ? nullptr : rate->as<double>();
    if (number != nullptr && *number > 0) result = 1 / *number;
  }
  return result;
}

class Context {
 public:
  Context(const ContextRequest& request, Console& console, const StopToken& stop)
      : request_(request), console_(console), stop_(stop), home_(request.folder / "trial") {}

  ContextFigures run() {
    request_.limit.prove();
    ContextFigures figures{request_.folder.filename().string(),
                           request_.limit.bytes(),
                           std::string(MemoryLimit::name()),
                           request_.common_length,
                           {}};
    const SearchSpace space{request_.step, request_.most, request_.limit.bytes()};
    figures.variants.reserve(request_.variants.size());
    for (std::size_t i = 0; i < request_.variants.size(); ++i) {
      figures.variants.push_back({request_.variants[i].name, {}, {}, {}});
      figures.variants.back().search =
          longest_length(space, [&](std::int64_t length) { return try_length(i, length, 1); });
    }
    time_common(figures);
    console_.clear_status();
    return figures;
  }

 private:
  // In turns, forth and back, whoever is known to fit.
  void time_common(ContextFigures& figures) {
    if (request_.common_length == 0) return;
    std::vector<std::size_t> order;
    for (std::size_t i = 0; i < figures.variants.size(); ++i) {
      if (figures.variants[i].search.longest >= request_.common_length) order.push_back(i);
    }
    for (int round = 0; round < kCommonRounds; ++round) {
      for (const std::size_t i : order) {
        const Trial trial = try_length(i, request_.common_length, kCommonSteps);
        if (trial.end == TrialEnd::fits) figures.variants[i].common.push_back(trial.seconds_per_token);
      }
      std::ranges::reverse(order);
    }
  }

  Trial try_length(std::size_t variant, std::int64_t length, std::int64_t steps) {
    const CheckedVariant& checked = request_.variants[variant];
    const std::string name = checked.name + "-" + std::to_string(length);
    if (console_.style().status_line == StatusLine::rewritten) {
      console_.status(checked.name + ": " + std::to_string(length) + " tokens");
    }
    const std::filesystem::path pipeline = request_.folder / (name + ".toml");
    const std::filesystem::path log = request_.folder / (name + ".log");
    files_.remove_tree(pipeline);
    files_.write_new_file(pipeline, context_pipeline(checked.config, request_.stage, length, steps));
    Trial trial = run_trial(pipeline, log);
    files_.remove_tree(home_);
    return trial;
  }

  Trial run_trial(const std::filesystem::path& pipeline, const std::filesystem::path& log) {
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe");
    ChildProcess child(program, {"--home", home_, "run", pipeline, "--resume", "never"}, {log, {}});
    request_.limit.apply(child.id());
    Trial trial;
    const auto begin = std::chrono::steady_clock::now();
    while (!child.ended()) {
      if (stop_.requested()) {
        throw Error(ErrorCode::interrupted, "stopped before the longest sequences were found",
                    "run the same command again");
      }
      if (trial.end == TrialEnd::fits && std::chrono::steady_clock::now() - begin > request_.patience) {
        trial.end = TrialEnd::out_of_time;
        child.signal(SIGKILL);
      }
      std::this_thread::sleep_for(kPause);
    }
    if (trial.end == TrialEnd::out_of_time) return trial;
    if (child.exit_code() != 0) {
      trial.failure = failure_text(log, child.exit_code());
      const bool is_memory = says_out_of_memory(files_.read_file(log, kMostOutput));
      trial.end = is_memory ? TrialEnd::out_of_memory : TrialEnd::failed;
      return trial;
    }
    const std::string metrics = files_.read_file(home_ / "trial/latest/metrics.jsonl", kMostOutput);
    const std::optional<double> seconds = seconds_per_token(metrics);
    if (!seconds) return {TrialEnd::failed, 0, 0, "the run logged no tokens_per_second"};
    trial.peak_bytes = child.peak_bytes();
    trial.seconds_per_token = *seconds;
    return trial;
  }

  const ContextRequest& request_;
  Console& console_;
  const StopToken& stop_;
  FileSystem files_;
  std::filesystem::path home_;  // of the trial that runs
};

}  // namespace

ContextFigures run_context(const ContextRequest& request, Console& console, const StopToken& stop) {
  return Context(request, console, stop).run();
}

}  // namespace easylm
