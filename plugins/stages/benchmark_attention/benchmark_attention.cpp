// Times attention kernels against each other.
#include <ATen/Parallel.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "cases.h"
#include "contest.h"
#include "easylm/sdk/plugin.h"
#include "easylm/stage.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/device.h"
#include "figures.h"
#include "machine_peak.h"
#include "memory_ceiling.h"

namespace easylm::stages {
namespace {

constexpr std::string_view kChooser = "auto";  // calls one of the others

std::vector<Setting> easylms_own() {
  return {{"kernels", {List{{"reference@2048", {}}, {"bpt@16384", {}}}, {}}},
          {"head_dims", {List{{std::int64_t{128}, {}}}, {}}},
          {"heads", {std::int64_t{16}, {}}},
          {"rounds", {std::int64_t{3}, {}}},
          {"seconds", {120.0, {}}}};
}

class BenchmarkAttention : public Stage {
 public:
  struct Config {
    std::vector<std::string> kernels;
    std::vector<std::int64_t> lengths = {1024, 4096};
    std::vector<std::int64_t> head_dims = {64};
    std::vector<std::string> dtypes = {"fp32"};
    std::vector<std::string> passes = {"forward", "forward_backward"};
    std::int64_t batch = 1;
    std::int64_t heads = 8;
    std::int64_t key_value_heads = 0;
    bool causal = true;
    std::int64_t window = 0;
    std::int64_t rounds = 7;
    double seconds = 20;
    std::string output = "text";
    std::optional<Path> csv, svg;

    static void describe(Schema<Config>& s) {
      s.field("kernels", &Config::kernels,
              "which to time; \"bpt@16384\": at this length instead of `lengths`, and in turns with others "
              "that have a length of their own; none: all that are installed");
      s.field("lengths", &Config::lengths, "of the sequences").at_least(1).unit("tokens");
      s.field("head_dims", &Config::head_dims, "widths of a head").at_least(1);
      s.field("dtypes", &Config::dtypes, "of the inputs").one_of({"fp32", "bf16", "fp16"});
      s.field("passes", &Config::passes, "what a call is").one_of({"forward", "forward_backward"});
      s.field("batch", &Config::batch, "sequences in a call").at_least(1);
      s.field("heads", &Config::heads, "query heads").at_least(1);
      s.field("key_value_heads", &Config::key_value_heads, "heads of keys and values; 0: as many as `heads`")
          .at_least(0);
      s.field("causal", &Config::causal, "a query sees no later key");
      s.field("window", &Config::window, "a query sees so many keys back; 0: all").at_least(0).unit("tokens");
      s.field("rounds", &Config::rounds,
              "calls of each kernel that other programs don't disturb; at most three times as many are made")
          .at_least(1);
      s.field("seconds", &Config::seconds, "kernels take no further turn on the same work after this time")
          .above(0)
          .unit("seconds");
      s.field("output", &Config::output, "what is printed: text: a table; json: one object")
          .one_of({"text", "json"});
      s.field("csv", &Config::csv, "a file for the figures, instead of one in the run's folder");
      s.field("svg", &Config::svg, "a file for the picture, instead of one in the run's folder");
      s.preset("easylm", easylms_own());
      s.require("key_value_heads == 0 ? 1 : heads % max(1, key_value_heads) == 0", "key_value_heads",
                "{heads} heads can't share {key_value_heads} heads of keys and values evenly",
                "let key_value_heads divide heads");
    }
  };

  BenchmarkAttention(Host& host, Config config) : host_(host), config_(std::move(config)) {}

  void run(StageContext& context) override {
    require_lists();
    prepare_torch(context.run());
    const at::Device device = select_device(context.run().device);
    const Plan plan = make_plan();
    const std::map<std::string, Candidate> candidates = make_candidates(plan);
    const MemoryCeiling ceiling;
    Arena arena(host_, candidates, device);
    MachinePeak peak(device, at::get_num_threads());
    if (!arena.counts_waiting()) {
      host_.warn("benchmark",
                 "this system doesn't count how long threads wait: disturbance by other programs "
                 "shows only where a fixed loop slows down");
    }
    Results results{title(device), {}, {}};
    const std::vector<Contest> contests = contests_of(plan);
    for (std::size_t i = 0; i < contests.size(); ++i) {
      const double flops = peak.flops_per_second(scalar_type_named(contests[i].dtype));
      for (Figure& figure : arena.hold(contests[i], shape(), {config_.rounds, config_.seconds})) {
        figure.share = figure.flops_per_second / flops;
        results.figures.push_back(std::move(figure));
      }
      context.progress(static_cast<std::int64_t>(i + 1), static_cast<std::int64_t>(contests.size()));
    }
    results.peaks.reserve(config_.dtypes.size());
    for (const std::string& dtype : config_.dtypes) {
      results.peaks.emplace_back(dtype, peak.flops_per_second(scalar_type_named(dtype)));
    }
    context.print(config_.output == "json" ? as_json(results) : as_markdown(results));
    write_files(context, results);
  }

 private:
  void require_lists() const {
    const std::pair<const char*, bool> lists[] = {{"lengths", config_.lengths.empty()},
                                                  {"head_dims", config_.head_dims.empty()},
                                                  {"dtypes", config_.dtypes.empty()},
                                                  {"passes", config_.passes.empty()}};
    for (const auto& [key, is_empty] : lists) {
      if (!is_empty) continue;
      throw Error(ErrorCode::invalid_config, std::string(key) + " is empty, so there is nothing to time",
                  "give one at least, or leave the key out");
    }
  }

  Plan make_plan() const {
    Plan plan{{}, config_.lengths, config_.head_dims, config_.dtypes, {}};
    std::vector<std::string> texts = config_.kernels;
    if (texts.empty()) {
      texts = host_.available(AttentionKernel::kKind);
      std::erase(texts, kChooser);
    }
    plan.kernels.reserve(texts.size());
    for (const std::string& text : texts) plan.kernels.push_back(parse_kernel(text));
    plan.passes.reserve(config_.passes.size());
    for (const std::string& pass : config_.passes) {
      plan.passes.push_back(pass == name_of(Pass::forward) ? Pass::forward : Pass::forward_backward);
    }
    return plan;
  }

  std::map<std::string, Candidate> make_candidates(const Plan& plan) const {
    std::map<std::string, Candidate> candidates;
    for (const NamedKernel& kernel : plan.kernels) {
      Table table;
      table.type = kernel.name;
      try {
        candidates[kernel.name] = {host_.make<AttentionKernel>(table), {}};
      } catch (const Error& error) {
        if (error.code() == ErrorCode::not_found) {
          throw Error(ErrorCode::invalid_config, error.message(), error.hint());
        }
        candidates[kernel.name] = {nullptr, error.message()};
      }
    }
    return candidates;
  }

  CallShape shape() const {
    return {config_.batch, config_.heads,
            config_.key_value_heads == 0 ? config_.heads : config_.key_value_heads, config_.causal,
            config_.window};
  }

  std::string title(at::Device device) const {
    const CallShape shape = this->shape();
    std::string text = std::to_string(shape.heads) + " heads";
    if (shape.key_value_heads != shape.heads) {
      text += " (" + std::to_string(shape.key_value_heads) + " of keys and values)";
    }
    text += ", batch " + std::to_string(shape.batch) + (shape.causal ? ", causal" : ", every key seen");
    if (shape.window > 0) text += ", window " + std::to_string(shape.window);
    if (!device.is_cpu()) return text + ", " + device.str();
    const int threads = at::get_num_threads();
    return text + ", " + std::to_string(threads) + (threads == 1 ? " thread" : " threads");
  }

  static void write(const std::filesystem::path& file, const std::string& text) {
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    if (stream.flush()) return;
    throw Error(ErrorCode::io, "can't write " + file.string(),
                "check that its folder is there and may be written, and that the disk isn't full");
  }

  void write_files(StageContext& context, const Results& results) const {
    if (config_.csv) write(config_.csv->text, as_csv(results));
    if (config_.svg) write(config_.svg->text, as_svg(results));
    if (const std::filesystem::path& folder = host_.paths().run; !folder.empty()) {
      const std::filesystem::path base = folder / context.stage_name();
      write(base.string() + ".json", as_json(results));
      write(base.string() + ".md", as_markdown(results));
      if (!config_.csv) write(base.string() + ".csv", as_csv(results));
      if (!config_.svg) write(base.string() + ".svg", as_svg(results));
    }
  }

  Host& host_;
  Config config_;
};

}  // namespace
}  // namespace easylm::stages

EASYLM_PLUGIN("easylm-stage-benchmark-attention", "0.1.0") {
  registrar.component<easylm::stages::BenchmarkAttention>(
      "benchmark_attention", "Times attention kernels in turns: speed, share of the machine's peak, memory.");
}
