// The exam of a plugin: every test of the SDK's conformance suites that its components have to pass, each in
// a process of its own with a time and a memory limit.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "easylm/export.h"
#include "platform/child.h"

namespace easylm {

enum class Verdict { passed, failed, skipped };

EASYLM_API std::string_view name_of(Verdict verdict);  // "passed"

struct ExamResult {
  std::string component;  // "optimizer/lion"; "file" for what is examined of the file itself
  std::string test;       // "state_is_all"
  std::string rule;       // what it holds the plugin to, a sentence
  Verdict verdict = Verdict::passed;
  std::string text;  // what was found, or why it was skipped
  double seconds = 0;
};

struct ExamRequest {
  std::filesystem::path plugin;
  std::filesystem::path programs;  // the folder of easylm-exam
  std::filesystem::path pipeline;  // where components find their settings; may be empty
  std::vector<std::string> sets;   // overrides of it, K=V
  std::vector<std::string> only;   // parts of "KIND/NAME:TEST", of which one must be in it; empty: all
  std::uint64_t seed = 1;
  ChildLimits limits;
};

struct ExamReport {
  std::filesystem::path plugin;
  std::string name, version;  // from the manifest; empty if it can't be read
  std::uint64_t seed = 0;
  std::vector<ExamResult> results;

  EASYLM_API std::size_t count(Verdict verdict) const;
};

// `seen` is told each result as it comes. Throws Error if the exam can't be held: no such file, no test that
// `only` names, no exam programs.
EASYLM_API ExamReport take_exam(const ExamRequest& request,
                                const std::function<void(const ExamResult&)>& seen);

// The command that runs one test alone, with nothing between it and a debugger. `test` is
// "KIND/NAME:TEST:SEED", as a report gives it. Throws Error{invalid_config} if it can't be read.
EASYLM_API std::vector<std::string> reproduction(const ExamRequest& request, const std::string& test);

// "optimizer/lion:state_is_all:1"
EASYLM_API std::string reproduce_text(const ExamResult& result, std::uint64_t seed);

}  // namespace easylm
