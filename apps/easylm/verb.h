// The table of verbs: dispatch, help and shell completion all come from it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

// Boost's headers take seconds to compile: only what parses or describes options includes them.
namespace boost::program_options {
class options_description;
class options_description_easy_init;
class variables_map;
}  // namespace boost::program_options

namespace easylm::app {

namespace options = boost::program_options;

// One invocation of a verb, parsed.
struct Invocation {
  std::filesystem::path home;                            // of runs, checkpoints and registry; absolute
  std::vector<std::string> words;                        // positional arguments
  std::shared_ptr<const options::variables_map> values;  // the verb's own options

  bool has(const char* name) const;
  std::string text(const char* name, const std::string& fallback = {}) const;
  std::vector<std::string> list(const char* name) const;
  std::int64_t integer(const char* name) const;  // REQUIRES: has(name)
  double real(const char* name) const;           // REQUIRES: has(name)
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

// For verbs that list versions: how many of them to print at most, 0 for all; and what to say of the others.
std::int64_t most_versions(const Invocation& invocation);
void say_how_many_more(std::int64_t shown, std::int64_t found);

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
int new_plugin(const Invocation& invocation);
int test_plugin(const Invocation& invocation);
int lock_plugins(const Invocation& invocation);
int list_versions(const Invocation& invocation);
int show_version(const Invocation& invocation);
int show_path(const Invocation& invocation);
int query_versions(const Invocation& invocation);
int run_sql(const Invocation& invocation);
int tag_version(const Invocation& invocation);
int untag_version(const Invocation& invocation);
int set_alias(const Invocation& invocation);
int remove_alias(const Invocation& invocation);
int roll_back_alias(const Invocation& invocation);
int show_history(const Invocation& invocation);
int show_lineage(const Invocation& invocation);
int compare_versions(const Invocation& invocation);
int plot_versions(const Invocation& invocation);
int generate_text(const Invocation& invocation);
int convert_files(const Invocation& invocation);
int diff_models(const Invocation& invocation);
int apply_difference(const Invocation& invocation);
int verify_export(const Invocation& invocation);
int show_program_version(const Invocation& invocation);
int train_tokenizer(const Invocation& invocation);
int tokenize_data(const Invocation& invocation);
int inspect_model(const Invocation& invocation);
int inspect_data(const Invocation& invocation);
int show_data_stats(const Invocation& invocation);
int print_completion(const Invocation& invocation);
int verify_versions(const Invocation& invocation);
int remove_versions(const Invocation& invocation);
int collect_garbage(const Invocation& invocation);
int import_version(const Invocation& invocation);
int export_version(const Invocation& invocation);
int bench_swap(const Invocation& invocation);
int bench_attention(const Invocation& invocation);
int bench_context(const Invocation& invocation);

}  // namespace easylm::app
