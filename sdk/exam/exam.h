// What a test of the exam is given, and how it says what it found.
//
// Each test runs in a process of its own (easylm-exam), so that a crash, a hang or an exit() is a finding
// too.
#pragma once

#include <cstdint>
#include <exception>
#include <filesystem>
#include <functional>
#include <initializer_list>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "config/pipeline_config.h"
#include "easylm/registrar.h"
#include "observe/console.h"
#include "pipeline/run_host.h"

namespace easylm::exam {

// A rule is broken: what was seen, for the plugin's author.
class Finding : public std::exception {
 public:
  explicit Finding(std::string text) : text_(std::move(text)) {}
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  std::string text_;
};

// The test has nothing to examine in this component, for example because it can't write.
class NotApplicable : public Finding {
 public:
  using Finding::Finding;
};

// Throws Finding{seen} unless `holds`.
void expect(bool holds, const std::string& seen);

// Runs `action`, which must throw Error of one of `codes`; throws Finding that names `what` otherwise. → the
// error.
Error expect_refusal(const std::string& what, std::initializer_list<ErrorCode> codes,
                     const std::function<void()>& action);

// Says what is being tried, for the report of a crash.
void note(const std::string& what);

// The start of any bytes, in quotes and fit for a report.
std::string shown(std::string_view bytes);

// Runs action(0), action(1), … at the same time, each in a thread of its own, and throws the first of what
// they threw.
void in_threads(int count, const std::function<void(int)>& action);

// The component under test. Everything outlives the test.
struct Subject {
  Host& host;
  const HostServices& services;
  Console& console;
  const ComponentDescription& described;  // as embedded in the file
  const ComponentFactory& factory;        // as the plugin registered it
  const Table& settings;                  // resolved: from --pipeline, or the defaults
  const PipelineConfig* pipeline;         // of --pipeline; null without it
  const std::filesystem::path& folder;    // empty, of this test alone
  std::uint64_t seed;

  // "optimizer 'lion'"
  std::string label() const { return described.kind + " '" + described.name + "'"; }

  // Random numbers of the exam's seed.
  RandomStream random(std::string_view purpose) const { return {seed, purpose, 0}; }

  // A new component with `settings`.
  template <typename T>
  std::shared_ptr<T> make() const {
    return host.make<T>(settings);
  }
};

struct Test {
  std::string_view name;  // "seek_is_exact"
  std::string_view rule;  // the sentence of the contract that it holds the plugin to
  void (*run)(const Subject& subject);
};

// The exam of one interface.
struct Suite {
  std::string_view kind;
  std::string_view interface;
  std::span<const Test> tests;
  // Makes a component, has it do a little of everything, and lets it go: for the tests that all kinds share.
  void (*use)(const Subject& subject);
};

// Those of this program.
std::span<const Suite> suites();

// What every component is held to, whatever its kind.
std::span<const Test> common_tests();

// The suite of `kind`. Throws Error{not_found}.
const Suite& suite_of(std::string_view kind);

}  // namespace easylm::exam
