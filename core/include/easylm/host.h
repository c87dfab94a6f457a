// What a component is given: the only way for a plugin to reach anything outside itself.
#pragma once

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <initializer_list>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "easylm/component.h"
#include "easylm/error.h"
#include "easylm/random.h"
#include "easylm/value.h"

namespace easylm {

enum class LogLevel { debug, info, warning, error };

// One `key=value` of a log line.
struct LogPair {
  std::string_view key;
  std::variant<std::int64_t, double, std::string_view> value;
};

// Folders that a plugin may use. Never the current directory.
struct Paths {
  std::filesystem::path run;    // this run's own folder; empty outside a run
  std::filesystem::path cache;  // may be emptied at any time
};

// Set once, by a signal or a failing neighbour. Long loops look at it.
class EASYLM_API StopToken {
 public:
  bool requested() const { return signal_.load(std::memory_order_relaxed) != 0; }
  int signal() const { return signal_.load(std::memory_order_relaxed); }          // 0 if none
  void request(int signal) { signal_.store(signal, std::memory_order_relaxed); }  // async-signal-safe

 private:
  std::atomic<int> signal_{0};
};

struct TensorInfo;  // of checkpoint_format.h

// Services of the host. Lives longer than every component. All methods: [any-thread].
class EASYLM_API Host {
 public:
  Host();
  virtual ~Host();
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;

  // Writes `[word] message key=value …` to the run's log.
  virtual void log(LogLevel level, std::string_view word, std::string_view message,
                   std::span<const LogPair> pairs) = 0;

  // A new component of `kind`, of the type that `table` names. Throws Error if there is none such or it
  // refuses. REQUIRES: `table` was checked (it came from a Config member), or comes from a checkpoint; then
  // it is checked here.
  virtual std::shared_ptr<Component> make_component(std::string_view kind, const Table& table) = 0;

  // The names of all available components of a kind, sorted.
  virtual std::vector<std::string> available(std::string_view kind) const = 0;

  // (optional) The keys that a component's table may have, in the order of its description. Default: none.
  virtual std::vector<std::string> keys(std::string_view kind, std::string_view name) const;

  // (optional) The tensors that a model of these settings (a config.json, `type` being its model_type) has,
  // by name; of their dtype nothing is said; none if nobody here knows the model, or it doesn't say. Default:
  // none.
  virtual std::optional<std::vector<TensorInfo>> model_tensors(const Table& model_config) const;

  // Same run seed, purpose and index: same bits, on any rank layout.
  virtual RandomStream random(std::string_view purpose, std::uint64_t index) = 0;

  virtual const StopToken& stop() const = 0;
  virtual const Paths& paths() const = 0;

  void info(std::string_view word, std::string_view message, std::initializer_list<LogPair> pairs = {}) {
    log(LogLevel::info, word, message, {pairs.begin(), pairs.size()});
  }
  void warn(std::string_view word, std::string_view message, std::initializer_list<LogPair> pairs = {}) {
    log(LogLevel::warning, word, message, {pairs.begin(), pairs.size()});
  }

  // make_component, typed by the interface T.
  template <typename T>
  std::shared_ptr<T> make(const Table& table) {
    auto typed = std::dynamic_pointer_cast<T>(make_component(T::kKind, table));
    if (!typed) {
      throw Error(
          ErrorCode::plugin,
          std::string(T::kKind) + " '" + table.type + "' does not implement " + std::string(T::kInterface),
          "rebuild the plugin against this version of EasyLM");
    }
    return typed;
  }
};

}  // namespace easylm
