// easylm-exam: one test of one component of a plugin, in a process of its own; `easylm plugins test` runs
// them all.
//
//   easylm-exam kinds                                           the kinds that it examines, a line each
//   easylm-exam tests KIND                                      NAME, a tab, the rule; a line each
//   easylm-exam run PLUGIN KIND NAME TEST SEED FOLDER PIPELINE [K=V]…
//                                                               FOLDER: an empty one; PIPELINE: may be empty
//
// The verdict goes to descriptor 3: "passed", "failed TEXT" or "skipped TEXT", after lines "note TEXT";
// the exit code is 1 if it is "failed".
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <iostream>
#include <optional>
#include <string>
#include <vector>

#include "config/overrides.h"
#include "easylm/error.h"
#include "exam.h"
#include "pipeline/checkup.h"
#include "platform/child_process.h"
#include "plugin/loader.h"
#include "plugin/search_path.h"
#include "settings.h"

namespace easylm::exam {
namespace {

struct Request {
  std::filesystem::path plugin;
  std::string kind, name, test;
  std::uint64_t seed = 0;
  std::filesystem::path folder, pipeline;
  std::vector<std::string> sets;
};

void report(const std::string& verdict) {
  const std::string line = verdict + "\n";
  if (write(kReportDescriptor, line.data(), line.size()) < 0) std::cout << line;
}

// As `easylm` finds them, whose folder `bin` lies beside `lib/easylm`, where this program is.
SearchPath path_with(const std::filesystem::path& plugin) {
  SearchPlaces places = SearchPlaces::of_process();
  places.executable = places.executable.parent_path() / "../../bin/easylm";
  places.executable = places.executable.lexically_normal();
  SearchPath path = search_path(places);
  path.files.insert(path.files.begin(), plugin);
  return path;
}

const Test& find_test(std::string_view kind, std::string_view name) {
  for (const auto& tests : {common_tests(), suite_of(kind).tests}) {
    for (const Test& test : tests) {
      if (test.name == name) return test;
    }
  }
  throw Error(ErrorCode::not_found, "there is no test " + std::string(name) + " of a " + std::string(kind));
}

class Examination {
 public:
  explicit Examination(Request request)
      : request_(std::move(request)),
        console_(
            {}, [](std::string_view) {}, [] { return std::size_t{80}; }),
        log_(console_, LogLevel::error),
        catalogue_(path_with(request_.plugin)),
        maker_(catalogue_, std::filesystem::current_path()),
        services_{log_, catalogue_, maker_, stop_},
        host_(services_, request_.seed, {request_.folder / "run", request_.folder / "cache"}) {
    std::filesystem::create_directories(host_.paths().run);
    std::filesystem::create_directories(host_.paths().cache);
  }

  void run() {
    const InspectedPlugin* plugin = catalogue_.provider(request_.kind, request_.name);
    const ComponentDescription* described = catalogue_.find(request_.kind, request_.name);
    if (plugin == nullptr || described == nullptr ||
        plugin->file != std::filesystem::canonical(request_.plugin)) {
      throw Finding("the plugin does not provide it: `easylm plugins doctor` says more");
    }
    const std::optional<PipelineConfig> pipeline = load();
    const ComponentFactory* factory = load_plugin(*plugin).find(request_.kind, request_.name);
    if (factory == nullptr) throw Finding("the plugin describes it, and does not register it");
    const Table settings =
        settings_of(request_.kind, request_.name, pipeline ? &*pipeline : nullptr, catalogue_);
    const std::filesystem::path folder = request_.folder / "files";
    std::filesystem::create_directories(folder);
    const Subject subject{
        host_,  services_,    console_, *described, *factory, settings, pipeline ? &*pipeline : nullptr,
        folder, request_.seed};
    find_test(request_.kind, request_.test).run(subject);
  }

 private:
  std::optional<PipelineConfig> load() {
    if (request_.pipeline.empty()) return {};
    Diagnostics diagnostics;
    std::optional<PipelineConfig> config = load_pipeline(
        request_.pipeline, {request_.sets, config_environment(), std::filesystem::current_path()}, catalogue_,
        diagnostics);
    if (config) check_run(*config, host_, request_.folder / "home", catalogue_, diagnostics);
    if (!config || diagnostics.has_errors()) {
      throw Error(ErrorCode::invalid_config, "the pipeline is wrong:\n" + diagnostics.text());
    }
    return config;
  }

  Request request_;
  Console console_;
  Log log_;
  StopToken stop_;
  Catalogue catalogue_;
  ComponentMaker maker_;
  HostServices services_;
  RunHost host_;
};

std::string text_of(const Error& error) {
  return error.hint().empty() ? error.message() : error.message() + "\n" + error.hint();
}

// The verdict.
std::string verdict_of(const Request& request) {
  try {
    Examination(request).run();
    return "passed";
  } catch (const NotApplicable& why) {
    return std::string("skipped ") + why.what();
  } catch (const Finding& finding) {
    return std::string("failed ") + finding.what();
  } catch (const Error& error) {
    return "failed " + text_of(error);
  } catch (const std::exception& error) {
    return std::string("failed it threw what is not an easylm::Error: ") + error.what();
  } catch (...) {
    return "failed it threw what is not a std::exception";
  }
}

int run(const Request& request) {
  const std::string verdict = verdict_of(request);
  report(verdict);
  return verdict.starts_with("failed") ? 1 : 0;
}

void list_tests(std::string_view kind) {
  for (const auto& tests : {common_tests(), suite_of(kind).tests}) {
    for (const Test& test : tests) std::cout << test.name << "\t" << test.rule << "\n";
  }
}

int dispatch(const std::vector<std::string>& words) {
  if (words.size() == 1 && words[0] == "kinds") {
    for (const Suite& suite : suites()) std::cout << suite.kind << "\n";
    return 0;
  }
  if (words.size() == 2 && words[0] == "tests") {
    list_tests(words[1]);
    return 0;
  }
  if (words.size() >= 8 && words[0] == "run") {
    return run({words[1],
                words[2],
                words[3],
                words[4],
                std::strtoull(words[5].c_str(), nullptr, 10),
                words[6],
                words[7],
                {words.begin() + 8, words.end()}});
  }
  std::cerr
      << "usage: easylm-exam kinds | tests KIND | run PLUGIN KIND NAME TEST SEED FOLDER PIPELINE [K=V]…\n"
         "hint: `easylm plugins test PLUGIN` runs it for all tests\n";
  return 2;
}

}  // namespace
}  // namespace easylm::exam

int main(int argc, char** argv) {
  try {
    return easylm::exam::dispatch({argv + 1, argv + argc});
  } catch (const std::exception& error) {
    std::cerr << "error: " << error.what() << "\n";
    return 1;
  }
}
