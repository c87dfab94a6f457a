// Finds the tests that a plugin's components have to pass, runs them, and reads their verdicts.
#include "plugin/exam.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <optional>
#include <span>
#include <string_view>
#include <system_error>
#include <utility>

#include "easylm/error.h"
#include "platform/files.h"
#include "platform/gpu.h"
#include "platform/scratch_folder.h"
#include "plugin/elf_symbols.h"
#include "plugin/inspect.h"

namespace easylm {
namespace {

constexpr std::string_view kPrograms[] = {"easylm-exam", "easylm-exam-tensor"};
constexpr std::size_t kLargestPlugin = 1 << 30;
constexpr std::string_view kEntry = "easylm_plugin_v1";
constexpr std::string_view kFirstTest = "can_be_made";  // nothing else can be examined if this fails

std::vector<std::string> lines_of(std::string_view text) {
  std::vector<std::string> lines;
  while (!text.empty()) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
  }
  return lines;
}

struct NamedTest {
  std::string name, rule;
};

// The exam programs that are installed, and what they examine.
class Programs {
 public:
  explicit Programs(const std::filesystem::path& folder) {
    for (const std::string_view name : kPrograms) {
      const std::filesystem::path program = folder / name;
      if (!std::filesystem::exists(program)) continue;
      for (const std::string& kind : ask(program, {"kinds"})) programs_[kind] = program;
    }
    if (programs_.empty()) {
      throw Error(ErrorCode::not_found, "there is no easylm-exam in " + folder.string(),
                  "build or install EasyLM whole");
    }
  }

  const std::filesystem::path* of(const std::string& kind) const {
    const auto found = programs_.find(kind);
    return found == programs_.end() ? nullptr : &found->second;
  }

  std::vector<NamedTest> tests(const std::string& kind) const {
    std::vector<NamedTest> tests;
    for (const std::string& line : ask(*of(kind), {"tests", kind})) {
      const std::size_t tab = line.find('\t');
      tests.push_back({line.substr(0, tab), line.substr(tab + 1)});
    }
    return tests;
  }

 private:
  static std::vector<std::string> ask(const std::filesystem::path& program, std::vector<std::string> words) {
    words.insert(words.begin(), program.string());
    const ChildLimits limits;
    const ChildOutcome outcome = run_child(words, limits);
    if (outcome.end != ChildEnd::exited || outcome.status != 0) {
      throw Error(ErrorCode::io, program.string() + " " + describe_end(outcome, limits) + ": " + outcome.talk,
                  "build or install EasyLM whole");
    }
    return lines_of(outcome.talk);
  }

  std::map<std::string, std::filesystem::path> programs_;
};

// What the child said, and how it ended, as a verdict.
void judge(const ChildOutcome& outcome, const ChildLimits& limits, ExamResult& result) {
  std::string_view said(outcome.report);
  const bool is_whole = said.starts_with("note ") || said.find("\nnote ") == said.npos;
  if (said.ends_with('\n')) said.remove_suffix(1);
  if (!is_whole) said.remove_prefix(said.find('\n') + 1);  // of very many notes the first are lost
  std::string last_note;
  while (said.starts_with("note ")) {
    const std::size_t end = said.find('\n');
    last_note = said.substr(5, end - 5);
    said.remove_prefix(end == said.npos ? said.size() : end + 1);
  }
  result.seconds = outcome.seconds;
  const bool ended_well = outcome.end == ChildEnd::exited && outcome.status == 0;
  const auto text_after = [&](std::string_view word) {
    return said.starts_with(word) ? std::string(said.substr(word.size())) : std::string();
  };
  result.verdict = Verdict::failed;
  if (const std::string text = text_after("failed "); !text.empty()) {
    result.text = text;
  } else if (const std::string why = text_after("skipped "); !why.empty() && ended_well) {
    result.verdict = Verdict::skipped;
    result.text = why;
  } else if (said == "passed" && ended_well) {
    result.verdict = Verdict::passed;
  } else {
    result.text = "the process that ran it " + describe_end(outcome, limits);
    if (said == "passed") result.text += ", after the test, as it came to its end";
    if (!last_note.empty()) result.text += ", with " + last_note;
    if (!outcome.talk.empty()) result.text += "\n" + outcome.talk;
  }
}

struct OneTest {
  std::string kind, name, test;
  std::uint64_t seed = 0;
};

std::vector<std::string> command(const std::filesystem::path& program, const ExamRequest& request,
                                 const OneTest& one, const std::filesystem::path& folder) {
  std::vector<std::string> words{
      program.string(),         "run",           request.plugin.string(),  one.kind, one.name, one.test,
      std::to_string(one.seed), folder.string(), request.pipeline.string()};
  words.insert(words.end(), request.sets.begin(), request.sets.end());
  return words;
}

std::string joined(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : "; ") + word;
  return text;
}

std::vector<std::string> symbols_of(const std::filesystem::path& file) {
  const std::string bytes = FileSystem().read_file(file, kLargestPlugin);
  const MemorySource source(std::as_bytes(std::span(bytes)));
  return exported_symbols(ElfFile(source));
}

class Exam {
 public:
  Exam(const ExamRequest& request, const std::function<void(const ExamResult&)>& seen)
      : request_(request), seen_(seen), programs_(request.programs) {}

  ExamReport take() {
    const InspectedPlugin plugin = inspect_plugin(request_.plugin, Trust::checked);
    report_.plugin = plugin.file;
    report_.seed = request_.seed;
    if (plugin.manifest) {
      report_.name = plugin.manifest->name;
      report_.version = plugin.manifest->version;
    }
    examine_file(plugin);
    if (plugin.manifest && plugin.manifest->cuda != "none") missing_ = gpu_problem();
    if (plugin.reasons.empty() && plugin.components) {
      for (const ComponentDescription& component : *plugin.components) examine(component);
    }
    if (report_.results.empty()) {
      throw Error(ErrorCode::not_found,
                  "no test of " + request_.plugin.string() + " is called like " + joined(request_.only),
                  "leave out --only to see them all");
    }
    return std::move(report_);
  }

 private:
  bool is_wanted(const std::string& component, const std::string& test) const {
    if (request_.only.empty()) return true;
    const std::string whole = component + ":" + test;
    return std::any_of(request_.only.begin(), request_.only.end(),
                       [&](const std::string& part) { return whole.find(part) != whole.npos; });
  }

  void add(ExamResult result) {
    seen_(result);
    report_.results.push_back(std::move(result));
  }

  void examine_file(const InspectedPlugin& plugin) {
    ExamResult accepted{"file", "is_accepted", "the host's checks find nothing wrong with the file"};
    if (!plugin.reasons.empty()) accepted.text = joined(plugin.reasons);
    if (plugin.reasons.empty() && !plugin.components) {
      accepted.text = "it holds no description of its components: build it with easylm_add_plugin()";
    }
    if (plugin.reasons.empty() && plugin.components && plugin.components->empty()) {
      accepted.text = "it offers no component";
    }
    if (!accepted.text.empty()) accepted.verdict = Verdict::failed;
    const bool failed = accepted.verdict == Verdict::failed;
    if (failed || is_wanted("file", accepted.test)) add(std::move(accepted));
    if (failed || !is_wanted("file", "exports_one_symbol")) return;
    ExamResult exports{"file", "exports_one_symbol",
                       "nothing but easylm_plugin_v1 can be seen, or meddled with, from outside"};
    std::vector<std::string> others = symbols_of(plugin.file);
    std::erase(others, kEntry);
    if (!others.empty()) {
      exports.verdict = Verdict::failed;
      exports.text = "it exports " + others.front() +
                     (others.size() > 1 ? " and " + std::to_string(others.size() - 1) + " more" : "") +
                     " too: build it with easylm_add_plugin()";
    }
    add(std::move(exports));
  }

  void examine(const ComponentDescription& component) {
    const std::string id = component.kind + "/" + component.name;
    if (programs_.of(component.kind) == nullptr) {
      add({id, "has_a_known_kind", "its kind is one that this host knows", Verdict::failed,
           "there is no exam for a " + component.kind});
      return;
    }
    for (const NamedTest& test : programs_.tests(component.kind)) {
      const bool is_first = test.name == kFirstTest;
      if (!is_first && !is_wanted(id, test.name)) continue;
      ExamResult result = run(component, test);
      const bool failed = result.verdict == Verdict::failed;
      if (failed || is_wanted(id, test.name)) add(std::move(result));
      if (is_first && failed) break;
    }
  }

  ExamResult run(const ComponentDescription& component, const NamedTest& test) const {
    ExamResult result{component.kind + "/" + component.name, test.name, test.rule};
    if (missing_) {
      result.verdict = Verdict::skipped;
      result.text = *missing_;
      return result;
    }
    const ScratchFolder folder;
    const ChildOutcome outcome =
        run_child(command(*programs_.of(component.kind), request_,
                          {component.kind, component.name, test.name, request_.seed}, folder.path()),
                  request_.limits);
    judge(outcome, request_.limits, result);
    return result;
  }

  const ExamRequest& request_;
  const std::function<void(const ExamResult&)>& seen_;
  Programs programs_;
  std::optional<std::string> missing_;  // why the components can't be examined on this machine
  ExamReport report_;
};

}  // namespace

std::string_view name_of(Verdict verdict) {
  switch (verdict) {
    case Verdict::passed:
      return "passed";
    case Verdict::failed:
      return "failed";
    case Verdict::skipped:
      return "skipped";
  }
  return "unknown";
}

std::size_t ExamReport::count(Verdict verdict) const {
  return static_cast<std::size_t>(std::count_if(
      results.begin(), results.end(), [&](const ExamResult& result) { return result.verdict == verdict; }));
}

ExamReport take_exam(const ExamRequest& request, const std::function<void(const ExamResult&)>& seen) {
  if (!std::filesystem::exists(request.plugin)) {
    throw Error(ErrorCode::not_found, "there is no file " + request.plugin.string(), "name a plugin's .so");
  }
  return Exam(request, seen).take();
}

std::string reproduce_text(const ExamResult& result, std::uint64_t seed) {
  return result.component + ":" + result.test + ":" + std::to_string(seed);
}

std::vector<std::string> reproduction(const ExamRequest& request, const std::string& test) {
  const std::size_t slash = test.find('/');
  const std::size_t seed = test.rfind(':');
  const std::size_t colon = seed == test.npos || seed == 0 ? test.npos : test.rfind(':', seed - 1);
  std::uint64_t number = 0;
  const char* end = test.data() + test.size();
  const bool is_test = slash != test.npos && colon != test.npos && colon > slash;
  if (!is_test || std::from_chars(test.data() + seed + 1, end, number).ptr != end ||
      seed + 1 == test.size()) {
    throw Error(ErrorCode::invalid_config, "'" + test + "' is no test",
                "KIND/NAME:TEST:SEED, as the exam's report gives it");
  }
  const std::string kind = test.substr(0, slash);
  const Programs programs(request.programs);
  const std::filesystem::path* program = programs.of(kind);
  if (program == nullptr) throw Error(ErrorCode::not_found, "there is no exam for a " + kind);
  const OneTest one{kind, test.substr(slash + 1, colon - slash - 1), test.substr(colon + 1, seed - colon - 1),
                    number};
  return command(*program, request, one, ScratchFolder::make_for_good());
}

}  // namespace easylm
