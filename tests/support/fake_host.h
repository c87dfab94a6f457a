// A host for unit tests: it keeps what is logged, and makes nothing.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "easylm/host.h"

namespace easylm::testing {

class FakeHost : public Host {
 public:
  explicit FakeHost(std::uint64_t seed = 42) : seed_(seed) {}

  void log(LogLevel level, std::string_view word, std::string_view message,
           std::span<const LogPair> /*pairs*/) override {
    const std::lock_guard lock(mutex_);
    lines_.push_back({level, "[" + std::string(word) + "] " + std::string(message)});
  }
  std::shared_ptr<Component> make_component(std::string_view kind, const Table& table) override {
    throw Error(ErrorCode::not_found, "there is no " + std::string(kind) + " '" + table.type + "' here");
  }
  std::vector<std::string> available(std::string_view /*kind*/) const override { return {}; }
  RandomStream random(std::string_view purpose, std::uint64_t index) override {
    return {seed_, purpose, index};
  }
  const StopToken& stop() const override { return stop_; }
  const Paths& paths() const override { return paths_; }

  // Whether a line of this level that contains `text` was logged.
  bool logged(LogLevel level, std::string_view text) {
    const std::lock_guard lock(mutex_);
    for (const Line& line : lines_) {
      if (line.level == level && line.text.find(text) != std::string::npos) return true;
    }
    return false;
  }
  void request_stop(int signal) { stop_.request(signal); }

 private:
  struct Line {
    LogLevel level;
    std::string text;
  };
  std::uint64_t seed_;
  std::mutex mutex_;
  std::vector<Line> lines_;
  StopToken stop_;
  Paths paths_;
};

}  // namespace easylm::testing
