// Forwards a stage's requests to the run's services.
#include "pipeline/stage_context.h"

#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <utility>

#include "easylm/error.h"

namespace easylm {
namespace {

double seconds_since_epoch() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

}  // namespace

RunningStage::RunningStage(const StageSurroundings& surroundings, std::size_t index)
    : around_(surroundings), index_(index) {}

void RunningStage::output(std::string_view port, Artifact artifact) {
  around_.workspace.output(index_, port, std::move(artifact));
}

void RunningStage::metrics(MetricRecord record) {
  record.stage = stage_name();
  record.time = seconds_since_epoch();
  around_.metrics.log(record);
  around_.progress.metrics(record);
}

void RunningStage::progress(std::int64_t done, std::int64_t total) {
  around_.progress.update(done, total, std::chrono::steady_clock::now());
}

void RunningStage::print(std::string_view text) {
  around_.console.clear_status();
  while (!text.empty()) {
    const ssize_t written = ::write(STDOUT_FILENO, text.data(), text.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) {
      throw Error(ErrorCode::io, std::string("can't write to standard output: ") + std::strerror(errno),
                  "what reads the output may have ended");
    }
    text.remove_prefix(static_cast<std::size_t>(written));
  }
}

Checkpoints& RunningStage::checkpoints() {
  if (around_.checkpoints == nullptr) {
    throw Error(ErrorCode::invalid_config, "there is no [checkpoint] table, so nothing can be saved",
                "add [checkpoint] with a type");
  }
  return *around_.checkpoints;
}

}  // namespace easylm
