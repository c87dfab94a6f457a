// From pipelines to figures.
#include "swap/swap.h"

#include <algorithm>
#include <fstream>
#include <sstream>
#include <utility>

#include "config/show.h"
#include "easylm/error.h"
#include "pipeline/checkup.h"
#include "platform/files.h"
#include "platform/process.h"
#include "registry/registry.h"
#include "registry/sql_console.h"
#include "swap/failure.h"
#include "swap/interleave.h"

namespace easylm {
namespace {

constexpr std::string_view kFolderLine = "Log and metrics: ";  // as `easylm run` ends
constexpr std::size_t kMostMetrics = std::size_t{1} << 30;
constexpr double kQueryTimeoutSeconds = 10;

class Swap {
 public:
  Swap(const SwapRequest& request, const Catalogue& catalogue, Console& console)
      : request_(request), catalogue_(catalogue), console_(console) {}

  SwapFigures run(const StopToken& stop) {
    const std::vector<Job> jobs = write_jobs();
    const Interleaved outcome = run_interleaved(jobs, turns(), stop);
    console_.clear_status();
    if (outcome.failed) fail(*outcome.failed, outcome.jobs[*outcome.failed].exit_code);
    SwapFigures figures{request_.folder.filename().string(), request_.key, 0, {}};
    figures.variants.reserve(jobs.size());
    for (std::size_t i = 0; i < jobs.size(); ++i) figures.variants.push_back(measure(i, outcome.jobs[i]));
    sum_up(figures);
    tag_versions(figures);
    return figures;
  }

 private:
  std::filesystem::path log_of(std::size_t index) const {
    return request_.folder / (request_.variants[index].name + ".log");
  }

  std::vector<Job> write_jobs() {
    const std::filesystem::path program = std::filesystem::read_symlink("/proc/self/exe");
    std::vector<Job> jobs;
    jobs.reserve(request_.variants.size());
    for (std::size_t i = 0; i < request_.variants.size(); ++i) {
      const CheckedVariant& variant = request_.variants[i];
      const std::filesystem::path pipeline = request_.folder / (variant.name + ".toml");
      files_.write_new_file(pipeline, show_toml(variant.config.resolved));
      jobs.push_back({program, {"--home", request_.home, "run", pipeline, "--resume", "never"}, log_of(i)});
    }
    return jobs;
  }

  // Who is paused in the middle of a transaction would lock the registry for all.
  Turns turns() {
    Turns turns;
    turns.slice = request_.slice;
    turns.may_pause = [registry = request_.home / "registry.sqlite"](pid_t process) {
      return !holds_lock(process, registry) && !holds_lock(process, registry.native() + "-shm");
    };
    turns.on_turn = [this](std::size_t job) {
      if (console_.style().status_line != StatusLine::rewritten) return;
      console_.status(request_.variants[job].name + ": " + last_progress(log_of(job)));
    };
    return turns;
  }

  [[noreturn]] void fail(std::size_t index, int exit_code) const {
    const std::string& name = request_.variants[index].name;
    throw Error(ErrorCode::unsupported,
                request_.key + " = " + name + " failed: " + failure_text(log_of(index), exit_code),
                "the others were stopped; " + log_of(index).string() + " has all that it said");
  }

  VariantFigures measure(std::size_t index, const JobOutcome& job) {
    const CheckedVariant& variant = request_.variants[index];
    VariantFigures figures;
    figures.name = variant.name;
    for (const CatalogueEntry& entry : catalogue_.entries()) {
      if (entry.kind != request_.kind || entry.name != variant.name) continue;
      if (entry.status != PluginStatus::available) continue;
      figures.plugin = entry.plugin;
      figures.plugin_version = entry.version;
    }
    figures.parameters = estimate_run(variant.config, catalogue_).parameters;
    figures.peak_bytes = job.peak_bytes;
    figures.folder = run_folder(log_of(index));
    const std::string metrics =
        files_.read_file(std::filesystem::path(figures.folder) / "metrics.jsonl", kMostMetrics);
    figures.curve = own_curve(metrics, variant.config.stages.at(request_.stage).name, job.slices);
    figures.version = last_version(variant.config.run.name, job.process);
    return figures;
  }

  static std::string run_folder(const std::filesystem::path& log) {
    std::ifstream in(log);
    std::string folder;
    for (std::string line; std::getline(in, line);) {
      if (line.starts_with(kFolderLine)) folder = line.substr(kFolderLine.size());
    }
    EASYLM_CHECK(!folder.empty(), log.string() + " doesn't say where the run's folder is");
    return folder;
  }

  // Other runs may save under this name meanwhile: that of this process counts.
  std::string last_version(const std::string& run_name, pid_t process) const {
    const Registry registry(request_.home, RegistryAccess::read);
    const SqlTable runs = registry.select("SELECT id FROM runs WHERE name = '" + run_name + "' AND pid = " +
                                              std::to_string(process) + " ORDER BY started_at DESC LIMIT 1",
                                          kQueryTimeoutSeconds);
    if (runs.rows.empty()) return {};
    const auto versions = registry.list({{}, std::get<std::string>(runs.rows[0][0])});
    return versions.empty() ? std::string() : versions.back().uri();
  }

  void tag_versions(const SwapFigures& figures) const {
    Registry registry(request_.home, RegistryAccess::write);
    for (const VariantFigures& variant : figures.variants) {
      if (variant.version.empty()) continue;
      registry.tag(variant.version, "bench", figures.id);
      registry.tag(variant.version, "varied", figures.key + "=" + variant.name);
    }
  }

  const SwapRequest& request_;
  const Catalogue& catalogue_;
  Console& console_;
  FileSystem files_;
};

}  // namespace

SwapFigures run_swap(const SwapRequest& request, const Catalogue& catalogue, Console& console,
                     const StopToken& stop) {
  return Swap(request, catalogue, console).run(stop);
}

}  // namespace easylm
