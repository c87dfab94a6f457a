// plugins test: examines a plugin, or runs one test of the exam again.
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <iostream>
#include <string>
#include <vector>

#include "easylm/error.h"
#include "platform/child_process.h"
#include "plugin/exam.h"
#include "plugin/exam_report.h"
#include "plugin/search_path.h"
#include "text_file.h"
#include "verb.h"

namespace easylm::app {
namespace {

std::filesystem::path absolute_file(const std::string& word) {
  return word.empty() ? std::filesystem::path{} : std::filesystem::absolute(word).lexically_normal();
}

ExamRequest request_of(const Invocation& invocation) {
  ExamRequest request;
  request.plugin = absolute_file(invocation.words.front());
  request.programs = SearchPlaces::of_process().executable.parent_path().parent_path() / "lib/easylm";
  request.pipeline = absolute_file(invocation.text("pipeline"));
  request.sets = invocation.list("set");
  request.only = invocation.list("only");
  request.seed = static_cast<std::uint64_t>(invocation.integer("seed"));
  request.limits.time =
      std::chrono::milliseconds(static_cast<std::int64_t>(invocation.real("timeout") * 1000));
  return request;
}

// What was typed, as far as it decides what a test sees.
std::string command_of(const Invocation& invocation) {
  std::string command = "easylm plugins test " + invocation.words.front();
  if (invocation.has("pipeline")) command += " --pipeline " + invocation.text("pipeline");
  for (const std::string& set : invocation.list("set")) command += " --set '" + set + "'";
  return command;
}

// In this very process, so that a debugger or a profiler around the command sees it.
[[noreturn]] void reproduce(const ExamRequest& request, const std::string& test) {
  std::vector<std::string> words = reproduction(request, test);
  std::cerr << "Runs";
  for (const std::string& word : words) std::cerr << " " << (word.empty() ? "''" : word);
  std::cerr << std::endl;
  std::vector<char*> arguments;
  arguments.reserve(words.size() + 1);
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  dup2(STDOUT_FILENO, kReportDescriptor);
  execv(arguments[0], arguments.data());
  throw Error(ErrorCode::io, "can't start " + words[0] + ": " + std::strerror(errno));
}

}  // namespace

int test_plugin(const Invocation& invocation) {
  if (invocation.has("set") && !invocation.has("pipeline")) {
    throw Error(ErrorCode::invalid_config, "--set overrides keys of a pipeline, and there is none",
                "give --pipeline FILE.toml, too");
  }
  const ExamRequest request = request_of(invocation);
  if (invocation.has("reproduce")) reproduce(request, invocation.text("reproduce"));
  const bool json = invocation.has("json");
  const std::string command = command_of(invocation);
  const ExamReport report = take_exam(request, [&](const ExamResult& result) {
    if (!json) std::cout << exam_line(result, request.seed, command) << std::flush;
  });
  std::cout << (json ? exam_json(report) : exam_summary(report));
  if (invocation.has("junit")) write_text(invocation.text("junit"), exam_junit(report));
  return report.count(Verdict::failed) == 0 ? 0 : 1;
}

}  // namespace easylm::app
