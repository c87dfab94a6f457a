// Every verb with its options.
#include "verb.h"

namespace easylm::app {
namespace {

using Init = options::options_description_easy_init;

void with_json(Init& add) { add("json", "print JSON for scripts"); }

void with_overrides(Init& add) {
  add("set", options::value<std::vector<std::string>>()->composing()->value_name("K=V"),
      "override a key, for example model.hidden_size=512");
}

void for_run(Init& add) {
  with_overrides(add);
  add("quiet", "no progress line");
}

void for_check(Init& add) {
  with_overrides(add);
  with_json(add);
}

void for_config_show(Init& add) {
  with_overrides(add);
  add("origin", "say where each value comes from");
}

void for_generate(Init& add) {
  add("prompt", options::value<std::string>()->value_name("TEXT")->required(), "what the text begins with");
  add("max-new-tokens", options::value<std::string>()->value_name("N"), "stop after so many tokens");
  add("temperature", options::value<std::string>()->value_name("X"), "0 takes the most probable token");
  add("top-k", options::value<std::string>()->value_name("N"), "sample among the N most probable tokens");
  add("top-p", options::value<std::string>()->value_name("X"), "sample within this share of probability");
  add("min-p", options::value<std::string>()->value_name("X"), "leave out what is this much less probable");
  add("repetition-penalty", options::value<std::string>()->value_name("X"), "above 1: repeat less");
  add("seed", options::value<std::string>()->value_name("N"), "same seed, same text");
  add("stop", options::value<std::vector<std::string>>()->composing()->value_name("TEXT"),
      "end before this text");
  add("tokenizer", options::value<std::string>()->value_name("NAME"),
      "for a model that doesn't say which tokenizer it needs");
  add("device", options::value<std::string>()->value_name("NAME"), "auto, cpu, cuda, cuda:0");
  add("precision", options::value<std::string>()->value_name("NAME"), "fp32 or bf16");
  with_json(add);
}

void for_describe(Init& add) {
  with_json(add);
  add("markdown", "the reference page of everything installed; takes no NAME");
}

void for_data_inspect(Init& add) {
  with_overrides(add);
  add("dataset", options::value<std::string>()->default_value("train")->value_name("NAME"),
      "which [dataset.NAME]");
  add("rows,n", options::value<int>()->default_value(1)->value_name("N"), "how many rows");
  with_json(add);
}

constexpr Verb kVerbs[] = {
    {"run", "FILE", "check a pipeline, then run its stages", Words::file, 1, 1, for_run, run_pipeline},
    {"check", "FILE", "say all that is wrong with a pipeline, or what it would do", Words::file, 1, 1,
     for_check, check_pipeline},
    {"generate", "MODEL --prompt TEXT", "let a model write", Words::model, 1, 1, for_generate, generate_text},
    {"inspect", "MODEL", "a model's tensors and configuration, without reading weights", Words::model, 1, 1,
     with_json, inspect_model},
    {"data inspect", "FILE", "what the model really sees: tokens, targets, masks", Words::file, 1, 1,
     for_data_inspect, inspect_data},
    {"config show", "FILE", "the resolved pipeline", Words::file, 1, 1, for_config_show, show_config},
    {"config schema", "", "JSON Schema of a pipeline file with everything installed", Words::none, 0, 0,
     nullptr, show_schema},
    {"plugins list", "", "what is installed, and what is refused and why", Words::none, 0, 0, with_json,
     list_plugins},
    {"plugins describe", "NAME", "the keys of a component", Words::component, 0, 1, for_describe,
     describe_plugin},
    {"plugins doctor", "", "why a plugin doesn't load, and what to do", Words::none, 0, 0, nullptr,
     diagnose_plugins},
    {"registry list", "[NAME]", "checkpoint versions", Words::reference, 0, 1, with_json, list_versions},
    {"registry show", "REF", "all that is known of a version", Words::reference, 1, 1, with_json,
     show_version},
    {"registry path", "REF", "the folder of a version", Words::reference, 1, 1, nullptr, show_path},
    {"completion bash", "", "a completion script: source <(easylm completion bash)", Words::none, 0, 0,
     nullptr, print_completion},
};

}  // namespace

std::span<const Verb> verbs() { return kVerbs; }

options::options_description options_of(const Verb& verb) {
  options::options_description all("Options");
  auto add = all.add_options();
  if (verb.describe != nullptr) verb.describe(add);
  add("help,h", "this text");
  return all;
}

std::string Invocation::text(const char* name, const std::string& fallback) const {
  return has(name) ? values[name].as<std::string>() : fallback;
}

std::vector<std::string> Invocation::list(const char* name) const {
  return has(name) ? values[name].as<std::vector<std::string>>() : std::vector<std::string>{};
}

}  // namespace easylm::app
