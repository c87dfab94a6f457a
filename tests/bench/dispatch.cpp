// What it costs to call through a plugin: AdamW's step and blockwise attention's forward pass at the nano
// shape, beside the same source linked into this program, as a share of a training step.
//
//   bench_dispatch [ROUNDS]      rounds of each, 40 if not given; exit code 1 if the share is above the
//   target
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "batches.h"
#include "easylm/tensor/aten.h"
#include "easylm/tensor/attention.h"
#include "easylm/tensor/device.h"
#include "easylm/tensor/train_step.h"
#include "linked.h"
#include "shapes.h"
#include "support/plugin_host.h"
#include "support/program.h"

namespace easylm {
namespace {

constexpr double kTarget = 0.5;  // percent of a training step
const bench::Shape& nano = bench::kShapes[1];

// Takes the one component that a linked plugin registers.
struct Linked : Registrar {
  explicit Linked(void (*register_plugin)(sdk::ComponentRegistrar&)) {
    sdk::ComponentRegistrar registrar(*this);
    register_plugin(registrar);
  }

  void add(ComponentFactory factory) override { factory_ = std::move(factory); }

  template <typename T>
  std::shared_ptr<T> make(Host& host, const Table& table) const {
    return std::shared_ptr<T>(dynamic_cast<T*>(factory_.create(host, table)));
  }

  ComponentFactory factory_;
};

double seconds_of(const std::function<void()>& action) {
  const auto started = std::chrono::steady_clock::now();
  action();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - started).count();
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

struct Pair {
  double plugin = 0, linked = 0;  // medians
};

// They take turns, each going first as often as the other.
Pair time_both(int rounds, const std::function<void()>& plugin, const std::function<void()>& linked) {
  plugin();
  linked();
  std::vector<double> of_plugin, of_linked;
  for (int round = 0; round < rounds; ++round) {
    if (round % 2 == 0) of_plugin.push_back(seconds_of(plugin));
    of_linked.push_back(seconds_of(linked));
    if (round % 2 != 0) of_plugin.push_back(seconds_of(plugin));
  }
  return {median(of_plugin), median(of_linked)};
}

double time_training_step(Host& host, int rounds) {
  const auto model = host.make<Model>(bench::model_table(nano));
  model->materialise(at::kCPU, at::kFloat);
  model->initialise(host);
  const auto optimizer = host.make<Optimizer>(bench::optimizer_table());
  TrainStep step(*model, *optimizer, {});
  bench::Batches batches(nano);
  std::vector<double> seconds;
  for (int round = 0; round <= rounds; ++round) {
    const TokenBatch batch = batches.next();
    const double took = seconds_of([&] {
      step.accumulate(batch);
      (void)step.update(round);
    });
    if (round > 0) seconds.push_back(took);  // the first takes memory
  }
  return median(seconds);
}

// An optimizer on parameters like the nano model's.
struct Stepping {
  Stepping(Host& host, std::shared_ptr<Optimizer> its_optimizer) : optimizer(std::move(its_optimizer)) {
    const auto model = host.make<Model>(bench::model_table(nano));
    model->materialise(at::kCPU, at::kFloat);
    model->initialise(host);
    model->parameters(parameters);
    for (const Parameter& parameter : parameters) gradients.push_back(parameter.value * 1e-3);
    optimizer->attach(parameters);
  }

  void step() { optimizer->step({number++, 1e-4, 1, gradients}); }

  std::shared_ptr<Optimizer> optimizer;
  std::vector<Parameter> parameters;
  std::vector<at::Tensor> gradients;
  std::int64_t number = 0;
};

AttentionCall nano_call() {
  const std::int64_t width = nano.hidden_size / nano.num_heads;
  const auto noise = [&](std::int64_t heads) {
    return aten::empty({nano.rows, nano.length, heads, width}).normal_();
  };
  AttentionCall call;
  call.q_BTNH = noise(nano.num_heads);
  call.k_BSKH = noise(nano.num_key_value_heads);
  call.v_BSKH = noise(nano.num_key_value_heads);
  call.scale = 1 / std::sqrt(static_cast<double>(width));
  return call;
}

double report(const char* what, const Pair& pair, std::int64_t calls, double step) {
  const double share = 100 * std::abs(pair.plugin - pair.linked) * static_cast<double>(calls) / step;
  std::printf("%-20s plugin %8.3f ms, linked in %8.3f ms, %lld a step: apart by %.3f %% of it\n", what,
              1e3 * pair.plugin, 1e3 * pair.linked, static_cast<long long>(calls), share);
  return share;
}

void measure(int rounds) {
  prepare_torch({.name = "bench", .seed = 1, .device = "cpu", .precision = "fp32", .threads = 1});
  testing::PluginHost host;
  const double step = time_training_step(host, std::max(5, rounds / 8));
  std::printf("%-20s %8.1f ms\n", "training step", 1e3 * step);

  const Linked adamw(bench::register_adamw), bpt(bench::register_bpt);
  const Table table = bench::optimizer_table();
  Stepping plugin(host, host.make<Optimizer>(table)), linked(host, adamw.make<Optimizer>(host, table));
  const Pair stepping = time_both(
      rounds, [&] { plugin.step(); }, [&] { linked.step(); });
  double share = report("AdamW's step", stepping, 1, step);

  const AttentionCall call = nano_call();
  const Table bare = testing::table_of("bpt");
  const auto plugin_kernel = host.make<AttentionKernel>(bare);
  const auto linked_kernel = bpt.make<AttentionKernel>(host, bare);
  const Pair attending = time_both(
      rounds, [&] { (void)plugin_kernel->forward(call); }, [&] { (void)linked_kernel->forward(call); });
  share += report("attention's forward", attending, nano.num_layers, step);
  if (share > kTarget) {
    throw Error(ErrorCode::internal, "together " + std::to_string(share) + " % of a training step",
                "the target is below 0.5 %; run it on a quiet machine");
  }
}

}  // namespace
}  // namespace easylm

int main(int argc, char** argv) {
  return easylm::testing::run_program(argc, argv, [](const std::vector<std::string>& words) {
    easylm::measure(words.empty() ? 40 : std::max(1, std::stoi(words[0])));
  });
}
