// Scans for plugins once; loads pipelines with the process's environment.
#include "session.h"

#include <iostream>
#include <utility>

#include "config/overrides.h"
#include "pipeline/checkup.h"
#include "plugin/search_path.h"

namespace easylm::app {

namespace {

Locking locking_of(const std::filesystem::path& home, LockUse use) {
  if (use == LockUse::ignore) return {};
  return {read_plugin_lock(home), use == LockUse::hash_at_once ? Hashing::at_once : Hashing::when_loaded};
}

}  // namespace

Session::Session(std::filesystem::path home, LockUse lock)
    : home_(std::move(home)),
      directory_(std::filesystem::current_path()),
      console_(Console::standard_error()),
      log_(console_, LogLevel::info),
      catalogue_(search_path(SearchPlaces::of_process()), {}, locking_of(home_, lock)),
      maker_(catalogue_, directory_) {
  for (const std::string& warning : catalogue_.path().warnings)
    log_.write(LogLevel::warning, "plugin", warning);
}

LoadOptions Session::options(const std::vector<std::string>& sets) const {
  return {sets, config_environment(), directory_};
}

std::optional<PipelineConfig> Session::load(const std::filesystem::path& file,
                                            const std::vector<std::string>& sets, Diagnostics& diagnostics) {
  return complete(load_pipeline(file, options(sets), catalogue_, diagnostics), diagnostics);
}

std::optional<PipelineConfig> Session::check(const Table& root, const std::string& name,
                                             const std::vector<std::string>& sets, Diagnostics& diagnostics) {
  return complete(easylm::check_pipeline(root, name, options(sets), catalogue_, diagnostics), diagnostics);
}

std::optional<PipelineConfig> Session::complete(std::optional<PipelineConfig> config,
                                                Diagnostics& diagnostics) {
  if (!config) return std::nullopt;
  RunHost host = make_host();
  check_run(*config, host, home_, catalogue_, diagnostics);
  if (diagnostics.has_errors()) return std::nullopt;
  return config;
}

RunHost Session::make_host() { return {services(), 0, {{}, home_ / "cache"}}; }

void report(const Diagnostics& diagnostics) { std::cerr << diagnostics.text(); }

}  // namespace easylm::app
