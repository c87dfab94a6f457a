// The table of verbs: dispatch, help and shell completion all come from it.
#pragma once

#include <boost/program_options.hpp>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace easylm::app {

namespace options = boost::program_options;

// One invocation of a verb, parsed.
struct Invocation {
  std::filesystem::path home;      // of runs, checkpoints and registry; absolute
  std::vector<std::string> words;  // positional arguments
  options::variables_map values;   // the verb's own options

  bool has(const char* name) const { return values.count(name) != 0; }
  std::string text(const char* name, const std::string& fallback = {}) const;
  std::vector<std::string> list(const char* name) const;
};

// What positional arguments are, for help and completion.
enum class Words { none, file, model, reference, component };

struct Verb {
  std::string_view name;     // one or two words: "run", "registry show"
  std::string_view usage;    // "FILE [--set K=V]…"
  std::string_view summary;  // one line
  Words words = Words::none;
  int min_words = 0, max_words = 0;
  void (*describe)(options::options_description_easy_init& add) = nullptr;  // null: no options of its own
  int (*run)(const Invocation&) = nullptr;                                  // → the exit code
};

std::span<const Verb> verbs();

// The verb's own options with --help; `verb` outlives the result.
options::options_description options_of(const Verb& verb);

// One function a verb, each in the file of that name.
int run_pipeline(const Invocation& invocation);
int check_pipeline(const Invocation& invocation);
int show_config(const Invocation& invocation);
int show_schema(const Invocation& invocation);
int list_plugins(const Invocation& invocation);
int describe_plugin(const Invocation& invocation);
int diagnose_plugins(const Invocation& invocation);
int list_versions(const Invocation& invocation);
int show_version(const Invocation& invocation);
int show_path(const Invocation& invocation);
int generate_text(const Invocation& invocation);
int inspect_model(const Invocation& invocation);
int inspect_data(const Invocation& invocation);
int print_completion(const Invocation& invocation);

}  // namespace easylm::app
