// Every verb with its options.
#include <boost/program_options.hpp>
#include <limits>

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
  add("resume", options::value<std::string>()->default_value("auto")->value_name("auto|never|REF"),
      "go on from this run's last version if the pipeline still agrees with it; begin anew; or from a "
      "version");
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

void for_convert(Init& add) {
  add("to", options::value<std::string>()->value_name("FORMAT")->required(),
      "an installed checkpoint format, or how its name begins: easylm plugins list shows them");
  add("dtype", options::value<std::string>()->default_value("keep")->value_name("f32|f16|bf16|keep"),
      "element type of the weights");
  add("config", options::value<std::string>()->value_name("PLACE"),
      "for a file without a configuration: a directory or config.json, or a preset such as llama_7b");
  add("quantize", options::value<std::string>()->value_name("NAME"),
      "how the format packs the weights, for example q8_0; the same as --set quantize=NAME");
  add("set", options::value<std::vector<std::string>>()->composing()->value_name("K=V"),
      "a key of the format, for example max_shard_size=2000000000");
  with_json(add);
}

void for_diff(Init& add) {
  add("output,o", options::value<std::string>()->value_name("DIR"),
      "write B as its difference from A, a new folder for easylm apply");
  add("arithmetic", "with -o: B - A in fp32, for other tools, instead of bits that give B back exactly");
  with_json(add);
}

void for_apply(Init& add) {
  add("output,o", options::value<std::string>()->value_name("DIR")->required(), "a new folder");
  add("plain", "another tool made DIFF: a model's file of differences that doesn't say its base");
  with_json(add);
}

void for_verify_export(Init& add) {
  add("text", options::value<std::string>()->value_name("FILE"),
      "compare on this text instead of a short sample of many languages");
  add("prompt", options::value<std::vector<std::string>>()->composing()->value_name("TEXT"),
      "continue this greedily, instead of three short prompts");
  add("tolerance", options::value<std::string>()->value_name("X"), "how far apart two logits may be (1e-3)");
  add("tokenizer", options::value<std::string>()->value_name("NAME"),
      "for models that don't say which tokenizer they need");
  add("device", options::value<std::string>()->value_name("NAME"), "auto, cpu, cuda, cuda:0");
  add("precision", options::value<std::string>()->value_name("NAME"), "fp32 or bf16");
  with_json(add);
}

void for_tokenize(Init& add) {
  add("tokenizer", options::value<std::string>()->value_name("T")->required(),
      "the folder or file of a tokenizer, a model that brings one, or an installed one (byte)");
  add("fields", options::value<std::string>()->value_name("LIST"),
      "which fields of .jsonl and .parquet become tokens (text)");
  add("set", options::value<std::vector<std::string>>()->composing()->value_name("K=V"),
      "another key of the dataset that reads the files, for example add_bos_token=false");
  add("output,o", options::value<std::string>()->value_name("DIR")->required(),
      "a new folder for the tokens");
}

void for_tokenize_train(Init& add) {
  add("vocab-size", options::value<std::int64_t>()->value_name("N")->required(),
      "number of ids, special tokens and all");
  add("style", options::value<std::string>()->value_name("NAME"), "llama3 (the default), gpt2 or llama2");
  add("special", options::value<std::vector<std::string>>()->composing()->value_name("TOKEN"),
      "a special token beside those of the style");
  add("output,o", options::value<std::string>()->value_name("DIR")->required(), "where its files go");
}

void for_lock(Init& add) { add("remove", "take the lock away"); }

void for_verify(Init& add) {
  add("all", "every version, and what lies beside them");
  add("full", "compare SHA-256 too, not only sizes and CRC32C");
  with_json(add);
}

void with_dry_run(Init& add) { add("dry-run", "only say what would be done"); }

void for_gc(Init& add) {
  with_dry_run(add);
  add("keep-last", options::value<std::int64_t>()->value_name("N"),
      "also remove all but the newest N versions");
  add("name", options::value<std::string>()->value_name("NAME"), "of this name");
  with_json(add);
}

void for_import(Init& add) {
  add("tag", options::value<std::vector<std::string>>()->composing()->value_name("K=V"),
      "give the version a tag");
}

void for_bench_swap(Init& add) {
  add("vary", options::value<std::string>()->value_name("KEY=A,B")->required(),
      "a component of the pipeline and the types to put there, for example optimizer=adamw,palm");
  add("steps", options::value<std::int64_t>()->value_name("N"), "of the training, for every variant");
  add("slice", options::value<double>()->default_value(5)->value_name("SECONDS"),
      "how long a variant runs before it is another one's turn");
  add("output,o", options::value<std::string>()->value_name("FILE.svg"),
      "where the picture goes instead of <home>/bench/<run name>-<UTC>/swap.svg");
  with_overrides(add);
  with_json(add);
}

void for_bench_attention(Init& add) {
  const auto text = [&](const char* name, const char* value, const char* what) {
    add(name, options::value<std::string>()->value_name(value), what);
  };
  text("preset", "easylm", "what the Python EasyLM times: reference at 2,048 tokens, bpt at 16,384");
  text("kernels", "A,B", "which; NAME@LENGTH: at this length alone; all that are installed if not given");
  text("lengths", "N,M", "of the sequences (1024,4096)");
  text("head-dims", "N,M", "widths of a head (64)");
  text("dtypes", "A,B", "fp32, bf16, fp16 (fp32)");
  text("passes", "A,B", "forward, forward_backward (both)");
  text("threads", "N", "as many as there are cores if not given");
  text("device", "NAME", "auto, cpu, cuda, cuda:0");
  text("csv", "FILE", "write the figures for other programs");
  text("svg", "FILE", "write a picture");
  add("set", options::value<std::vector<std::string>>()->composing()->value_name("K=V"),
      "another key of the stage benchmark_attention, for example window=1024");
  with_json(add);
}

void for_bench_context(Init& add) {
  add("memory", options::value<std::string>()->value_name("SIZE")->required(),
      "what a run may take, for example 3GiB");
  add("variant", options::value<std::vector<std::string>>()->composing()->value_name("NAME:K=V,K=V"),
      "how the pipeline is changed; without any: reference, sdpa with recomputed blocks, bpt blockwise");
  add("step", options::value<std::int64_t>()->default_value(512)->value_name("N"),
      "lengths are multiples of it");
  add("most", options::value<std::int64_t>()->default_value(1 << 20)->value_name("N"), "the longest to try");
  add("at", options::value<std::int64_t>()->default_value(16384)->value_name("N"),
      "compare the time per token at this length, too; 0: don't");
  add("patience", options::value<double>()->default_value(600)->value_name("SECONDS"),
      "what takes longer counts as too long");
  add("svg", options::value<std::string>()->value_name("FILE"),
      "where the picture goes instead of <home>/bench/<run name>-<UTC>/context.svg");
  with_overrides(add);
  with_json(add);
}

constexpr int kAnyNumber = std::numeric_limits<int>::max();

void for_describe(Init& add) {
  with_json(add);
  add("markdown", "the reference page of everything installed; takes no NAME");
}

void for_plugins_test(Init& add) {
  add("only", options::value<std::vector<std::string>>()->composing()->value_name("PART"),
      "only tests with this in \"KIND/NAME:TEST\"");
  add("pipeline", options::value<std::string>()->value_name("FILE"),
      "a pipeline whose settings the components are examined with; without it, their defaults");
  add("set", options::value<std::vector<std::string>>()->composing()->value_name("K=V"),
      "override a key of the pipeline");
  add("seed", options::value<std::int64_t>()->default_value(1)->value_name("N"),
      "of the exam's random numbers");
  add("timeout", options::value<double>()->default_value(60)->value_name("S"),
      "end a test after so many seconds");
  add("reproduce", options::value<std::string>()->value_name("KIND/NAME:TEST:SEED"),
      "run this one test again, without a limit, in this process: for a debugger");
  add("junit", options::value<std::string>()->value_name("FILE.xml"),
      "write the results for a CI server, too");
  with_json(add);
}

void for_data_stats(Init& add) {
  with_overrides(add);
  add("dataset", options::value<std::string>()->default_value("train")->value_name("NAME"),
      "which [dataset.NAME]");
  with_json(add);
}

void for_data_inspect(Init& add) {
  for_data_stats(add);
  add("rows,n", options::value<std::int64_t>()->default_value(1)->value_name("N"), "how many rows");
}

void for_list(Init& add) {
  with_json(add);
  add("limit", options::value<std::int64_t>()->value_name("N"),
      "print the newest N; without --json the default is 50");
  add("all", "print them all");
}

void for_show(Init& add) {
  add("metrics", "what was measured step by step on the way to it");
  with_json(add);
}

void for_sql(Init& add) {
  add("timeout", options::value<double>()->default_value(10)->value_name("S"), "stop after so many seconds");
  with_json(add);
}

void for_plot(Init& add) {
  add("metric", options::value<std::string>()->default_value("loss")->value_name("NAME"), "what to draw");
  add("output,o", options::value<std::string>()->value_name("FILE.svg"),
      "write to a file instead of standard output");
}

constexpr Verb kVerbs[] = {
    {"run", "FILE", "check a pipeline, then run its stages", Words::file, 1, 1, for_run, run_pipeline},
    {"check", "FILE", "say all that is wrong with a pipeline, or what it would do", Words::file, 1, 1,
     for_check, check_pipeline},
    {"generate", "MODEL --prompt TEXT", "let a model write", Words::model, 1, 1, for_generate, generate_text},
    {"tokenize", "FILE|FOLDER --tokenizer T -o DIR", "store data as tokens, for dataset type \"tokens\"",
     Words::file, 1, 1, for_tokenize, tokenize_data},
    {"tokenize train", "FILE|FOLDER… --vocab-size N -o DIR", "learn a tokenizer from texts", Words::file, 1,
     kAnyNumber, for_tokenize_train, train_tokenizer},
    {"inspect", "MODEL", "a model's tensors and configuration, without reading weights", Words::model, 1, 1,
     with_json, inspect_model},
    {"convert", "MODEL OUT --to FORMAT", "write a model in another format", Words::model, 2, 2, for_convert,
     convert_files},
    {"diff", "A B [-o DIR]", "what differs between two models; exit 0: nothing, 1: something, 2: trouble",
     Words::model, 2, 2, for_diff, diff_models},
    {"apply", "BASE DIFF -o DIR", "make the model again that easylm diff BASE … -o DIFF was given",
     Words::model, 2, 2, for_apply, apply_difference},
    {"verify-export", "A B", "do two models give the same ids, logits and text? exit 1 if not", Words::model,
     2, 2, for_verify_export, verify_export},
    {"data inspect", "FILE", "what the model really sees: tokens, targets, masks", Words::file, 1, 1,
     for_data_inspect, inspect_data},
    {"data stats", "FILE", "one pass over a dataset: lengths, padding, what is left out, epochs", Words::file,
     1, 1, for_data_stats, show_data_stats},
    {"config show", "FILE", "the resolved pipeline", Words::file, 1, 1, for_config_show, show_config},
    {"config schema", "", "JSON Schema of a pipeline file with everything installed", Words::none, 0, 0,
     nullptr, show_schema},
    {"bench swap", "FILE --vary KEY=NAME,NAME…", "train variants of a pipeline in turns and compare them",
     Words::file, 1, 1, for_bench_swap, bench_swap},
    {"bench attention", "", "time attention kernels in turns: speed, share of the machine's peak, memory",
     Words::none, 0, 0, for_bench_attention, bench_attention},
    {"bench context", "FILE --memory SIZE", "the longest sequence that each attention trains within a limit",
     Words::file, 1, 1, for_bench_context, bench_context},
    {"plugins list", "", "what is installed, and what is refused and why", Words::none, 0, 0, with_json,
     list_plugins},
    {"plugins describe", "NAME", "the keys of a component", Words::component, 0, 1, for_describe,
     describe_plugin},
    {"plugins doctor", "", "why a plugin doesn't load, and what to do", Words::none, 0, 0, nullptr,
     diagnose_plugins},
    {"plugins new", "KIND NAME [FOLDER]", "a project for a plugin of your own, ready to build", Words::none,
     2, 3, nullptr, new_plugin},
    {"plugins test", "FILE.so", "examine a plugin: is every promise of its interfaces kept?", Words::file, 1,
     1, for_plugins_test, test_plugin},
    {"plugins lock", "", "from now on load only the plugins that are installed now, as they are", Words::none,
     0, 0, for_lock, lock_plugins},
    {"registry list", "[NAME]", "checkpoint versions", Words::reference, 0, 1, for_list, list_versions},
    {"registry show", "REF", "all that is known of a version", Words::reference, 1, 1, for_show,
     show_version},
    {"registry path", "REF", "the folder of a version", Words::reference, 1, 1, nullptr, show_path},
    {"registry verify", "REF…|--all", "are the files what was saved? names file and tensor", Words::reference,
     0, kAnyNumber, for_verify, verify_versions},
    {"registry rm", "REF…", "remove versions", Words::reference, 1, kAnyNumber, with_dry_run,
     remove_versions},
    {"registry gc", "", "remove what crashes left, and old versions if asked to", Words::none, 0, 0, for_gc,
     collect_garbage},
    {"registry import", "DIR|FILE.tar NAME", "make a version of a copy of what others made", Words::file, 2,
     2, for_import, import_version},
    {"registry export", "REF DIR|FILE.tar", "copy a version to a folder, or to a tar that verifies itself",
     Words::reference, 2, 2, nullptr, export_version},
    {"registry query", "EXPR", "versions that meet a condition: 'metrics.loss < 1.5 order by step'",
     Words::none, 1, 1, for_list, query_versions},
    {"registry sql", "\"SELECT …\"", "ask the tables themselves, read only", Words::none, 1, 1, for_sql,
     run_sql},
    {"registry compare", "REF REF", "what differs between two versions", Words::reference, 2, 2, with_json,
     compare_versions},
    {"registry lineage", "REF", "what a version was made from, and what from it", Words::reference, 1, 1,
     with_json, show_lineage},
    {"registry plot", "REF… [-o FILE.svg]", "draw curves of versions into one picture", Words::reference, 1,
     100, for_plot, plot_versions},
    {"registry tag", "REF KEY[=VALUE]", "note something on a version; 'keep' keeps it", Words::reference, 2,
     2, nullptr, tag_version},
    {"registry untag", "REF KEY", "take a note away", Words::reference, 2, 2, nullptr, untag_version},
    {"registry alias", "NAME ALIAS VERSION", "let NAME@ALIAS point at a version", Words::reference, 3, 3,
     nullptr, set_alias},
    {"registry unalias", "NAME ALIAS", "take an alias away", Words::reference, 2, 2, nullptr, remove_alias},
    {"registry history", "NAME ALIAS", "where an alias pointed", Words::reference, 2, 2, with_json,
     show_history},
    {"registry rollback", "NAME ALIAS", "let an alias point where it pointed before", Words::reference, 2, 2,
     nullptr, roll_back_alias},
    {"version", "", "what a bug report should say: build, machine, plugins; the same as --version",
     Words::none, 0, 0, with_json, show_program_version},
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

bool Invocation::has(const char* name) const { return values->count(name) != 0; }

std::string Invocation::text(const char* name, const std::string& fallback) const {
  return has(name) ? (*values)[name].as<std::string>() : fallback;
}

std::vector<std::string> Invocation::list(const char* name) const {
  return has(name) ? (*values)[name].as<std::vector<std::string>>() : std::vector<std::string>{};
}

std::int64_t Invocation::integer(const char* name) const { return (*values)[name].as<std::int64_t>(); }

double Invocation::real(const char* name) const { return (*values)[name].as<double>(); }

}  // namespace easylm::app
